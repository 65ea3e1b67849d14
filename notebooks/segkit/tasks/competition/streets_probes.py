"""What the tests ask of windows of a pair, and of an augmentation whose draws are its own.

`augment` may draw in any order and from any distribution's function. So what it drew is read from what it made: every
pixel of the mask has a label of its own, which says where a pixel of the result comes from, and the colours follow
from the light's factors by a linear map.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.probes import Outputs
from segkit.checking.values import Handle
from segkit.data import IMAGENET_MEAN, IMAGENET_STD
from segkit.tasks.segformer.probes import has_dtype, on_cpu, unchanged, yes
from segkit.tasks.segformer.transform_probes import pair_of

GENERATOR = "seeded"  # of streets_doubles: stands in for nothing, so it is there in every case
GREY = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
FIRST_LABEL = 1000  # no label of a padded or ignored pixel
SLACK = 1e-3  # of factors read from float32 pixels


def window_manners(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    mask: torch.Tensor,
    settings: dict,
    target_dtype: str,
    doubles: Iterable[str] = (),
) -> Outputs:
    """A window, its dtypes, and whether image and mask are left unchanged."""
    candidate.begin(doubles=doubles)
    answer = candidate.call("crop_pair", on_cpu(image), on_cpu(mask), **settings)
    made, target = pair_of(answer.result, "crop_pair")
    return {
        "the image": made,
        "the mask": target,
        **has_dtype("the image's dtype", made, "float32"),
        **has_dtype("the mask's dtype", target, target_dtype),
        **unchanged(answer.inputs_changed),
    }


@dataclass(frozen=True)
class Made:
    """What one call of `augment` drew, and whether that can be said."""

    whole: bool  # the labels are those of one window, mirrored or not
    together: bool  # and the colours are those of the same pixels
    top: int = -1
    left: int = -1
    flipped: bool = False
    factors: tuple[float, ...] = ()


def augmented_pairs(candidate: Candidate, **case) -> Outputs:
    """Of many calls: whether the mask is one window, and whether the image shows the same one."""
    made, _, _ = _made(candidate, **case)
    return {
        "whether each mask is a window of the one that was passed in, mirrored or not (1 is yes)":
            yes(all(one.whole for one in made)),
        "whether image and mask show the same window in each pair (1 is yes)": yes(all(one.together for one in made)),
    }  # fmt: skip


def augmented_positions(candidate: Candidate, **case) -> Outputs:
    """Of many calls: the rows and columns of the mask at which windows begin.

    A pair may be mirrored before it is cut or after that, so all places must turn up in both ways of counting.
    """
    made, rows, columns = _made(candidate, **case)
    starts = {(one.top, one.left) for one in made if one.whole}
    mirrored = {(one.top, _seen_from_its_own_side(one, columns)) for one in made if one.whole}
    tops, lefts = (
        torch.tensor(sorted(set(numbers))) for numbers in (zip(*starts, strict=True) if starts else ((), ()))
    )
    return {
        "the list of rows at which windows begin": tops,
        "the list of columns at which windows begin": lefts,
        "whether windows begin at every pair of these (1 is yes)":
            yes(len(starts) == len(mirrored) == rows * columns),
    }  # fmt: skip


def augmented_flips(candidate: Candidate, **case) -> Outputs:
    """Of many calls: how many masks are mirrored from left to right, and whether that depends on where they begin."""
    made, _, columns = _made(candidate, **case)
    windows = [one for one in made if one.whole]
    flips = sum(one.flipped for one in windows)
    sides = [one.left for one in windows], [_seen_from_its_own_side(one, columns) for one in windows]
    return {
        "whether some windows are mirrored from left to right (1 is yes)": yes(flips > 0),
        "whether some are not (1 is yes)": yes(flips < len(windows)),
        "whether about half of them are (1 is yes)": yes(0.2 < flips / max(1, len(windows)) < 0.8),
        "whether windows at each column occur mirrored and not (1 is yes)":
            yes(any(len({(left, one.flipped) for left, one in zip(side, windows, strict=True)}) == 2 * len(set(side))
                    for side in sides)),
    }  # fmt: skip


def _seen_from_its_own_side(one: Made, columns: int) -> int:
    """The column at which a window begins in a picture that was mirrored before."""
    return columns - 1 - one.left if one.flipped else one.left


def augmented_light(candidate: Candidate, *, strength: float, **case) -> Outputs:
    """Of many calls: the range of brightness, contrast and saturation."""
    made, _, _ = _made(candidate, strength=strength, **case)
    factors = torch.tensor([one.factors for one in made if one.factors], dtype=torch.float64).reshape(-1, 3)
    facts: Outputs = {
        "the number of images whose light is changed as a whole": torch.tensor(len(factors)),
        "whether one image has three different factors (1 is yes)":
            yes(bool(factors.numel()) and bool((factors.std(dim=1) > SLACK).all())),
    }  # fmt: skip
    for name, drawn in zip(("brightness", "contrast", "saturation"), factors.T, strict=True):
        low, high = (drawn.min().item(), drawn.max().item()) if len(drawn) else (torch.nan, torch.nan)
        facts |= {
            f"whether {name} stays within its range (1 is yes)":
                yes(low >= 1 - strength - SLACK and high <= 1 + strength + SLACK),
            f"whether some images get less {name} (1 is yes)": yes(low < 1 - strength / 2),
            f"whether some images get more {name} (1 is yes)": yes(high > 1 + strength / 2),
        }  # fmt: skip
    return facts


def augmented_twice(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    mask: torch.Tensor,
    size: tuple[int, int],
    seed: int,
    doubles: Iterable[str] = (),
) -> Outputs:
    """Whether generators of one seed give one pair, whatever else was seeded, and whether a second call gives another.

    "Another" is another image: its light is hardly ever the same.
    """
    firsts, seconds = [], []
    for elsewhere in (0, 1):
        candidate.begin(doubles=(*doubles, GENERATOR), seed=elsewhere)
        generator = _generator(candidate, seed)
        call = [_call(candidate, image, mask, size, generator) for _ in range(2)]
        firsts.append(call[0])
        seconds.append(call[1])
    other = _call(candidate, image, mask, size, _generator(candidate, seed + 1))
    return {
        "whether generators of one seed give one image (1 is yes)": yes(_same(firsts[0][0], firsts[1][0])),
        "whether generators of one seed give one mask (1 is yes)": yes(_same(firsts[0][1], firsts[1][1])),
        "whether they give one pair again in a second call (1 is yes)":
            yes(_same(seconds[0][0], seconds[1][0]) and _same(seconds[0][1], seconds[1][1])),
        "whether a second call gives another image (1 is yes)": yes(not _same(firsts[0][0], seconds[0][0])),
        "whether another seed gives another image (1 is yes)": yes(not _same(firsts[0][0], other[0])),
    }  # fmt: skip


def augmented_whole(
    candidate: Candidate, *, image: torch.Tensor, mask: torch.Tensor, seed: int, doubles: Iterable[str] = ()
) -> Outputs:
    """A window as large as the pair, of strength 0: both as they were, but for the normalisation, mirrored back."""
    candidate.begin(doubles=(*doubles, GENERATOR))
    made, target = _call(candidate, image, mask, tuple(mask.shape), _generator(candidate, seed), strength=0.0)
    _require_pair(made, target)
    if torch.equal(target.flip(1), mask):
        made, target = made.flip(2), target.flip(1)
    return {"the image (mirrored back if it was)": made, "the mask (mirrored back if it was)": target}


def augmented_beyond(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    mask: torch.Tensor,
    size: tuple[int, int],
    seed: int,
    doubles: Iterable[str] = (),
) -> Outputs:
    """Of a pair that is smaller than the window: the sizes, and what of the result is 0 and what of the mask is there.

    0 is what pixels beyond the image are to have once it is normalised.
    """
    candidate.begin(doubles=(*doubles, GENERATOR))
    made, target = _call(candidate, image, mask, size, _generator(candidate, seed))
    _require_pair(made, target)
    return {
        "the height and width of the image": torch.tensor(made.shape[1:]),
        "the height and width of the mask": torch.tensor(target.shape),
        "the number of pixels that are 0 in all colours": (made == 0).all(dim=0).sum(),
        "the number of pixels of the mask that are in the result": torch.isin(mask, target).sum(),
    }


def augmented_manners(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    mask: torch.Tensor,
    size: tuple[int, int],
    seed: int,
    doubles: Iterable[str] = (),
) -> Outputs:
    """Shapes and dtypes of a pair, and whether image and mask are left unchanged."""
    candidate.begin(doubles=(*doubles, GENERATOR))
    answer = candidate.call("augment", on_cpu(image), on_cpu(mask), size, _generator(candidate, seed))
    made, target = pair_of(answer.result, "augment")
    _require_pair(made, target)
    return {
        "the shape of the image": torch.tensor(made.shape),
        "the shape of the mask": torch.tensor(target.shape),
        **has_dtype("the image's dtype", made, "float32"),
        **has_dtype("the mask's dtype", target, "int64"),
        **unchanged(answer.inputs_changed),
    }


def _generator(candidate: Candidate, seed: int) -> Handle:
    return candidate.make("student", name=GENERATOR, args=[seed], kwargs={}, dtype="float64")


def _call(candidate: Candidate, image, mask, size, generator: Handle, **settings) -> tuple:
    result = candidate.call("augment", on_cpu(image), on_cpu(mask), size, generator, **settings).result
    return pair_of(result, "augment")


def _require_pair(made, target) -> None:
    if not all(isinstance(one, torch.Tensor) for one in (made, target)) or (made.ndim, target.ndim) != (3, 2):
        raise AnswerError("augment returns no image (3, h, w) with a mask (h, w).")


def _same(one, other) -> bool:
    tensors = isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)
    return tensors and one.shape == other.shape and bool(((one.double() - other.double()).abs() < 1e-6).all())


def _made(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    size: tuple[int, int],
    seeds: list[int],
    strength: float | None = None,
    doubles: Iterable[str] = (),
) -> tuple[list[Made], int, int]:
    """What calls with generators of many seeds made, and how many rows and columns a window may begin at."""
    doubles = tuple(doubles)
    candidate.begin(doubles=(*doubles, GENERATOR))
    height, width = image.shape[1:]
    mask = FIRST_LABEL + torch.arange(height * width).reshape(height, width)
    settings = {} if strength is None else {"strength": strength}
    made = []
    for seed in seeds:
        pair = _call(candidate, image, mask, size, _generator(candidate, seed), **settings)
        made.append(_seen(*pair, image.double(), mask, tuple(size), standing_in="photometric" in doubles))
    return made, height - size[0] + 1, width - size[1] + 1


def _seen(made, target, image, mask, size: tuple[int, int], *, standing_in: bool) -> Made:
    _require_pair(made, target)
    if target.shape != size or made.shape != (3, *size) or target.is_floating_point():
        return Made(whole=False, together=False)
    place = target.long() - FIRST_LABEL
    flipped = size[1] > 1 and int(place[0, 0] - place[0, 1]) == 1
    top, left = divmod(int(place[0].min()), mask.shape[1])
    window = mask[top:, left:][: size[0], : size[1]] if place.min() >= 0 else mask[:0]
    if not torch.equal(window.flip(1) if flipped else window, target.long()):
        return Made(whole=False, together=False)
    light = _light(made.double(), image.flatten(1)[:, place.flatten()], image, standing_in)
    return Made(True, light is not None, top, left, flipped, light or ())


def _light(made, pixels, image, standing_in: bool) -> tuple[float, ...] | None:
    """Brightness, contrast and saturation by which the pixels (3, N) became what was made; None if they did not."""
    mean, std = (torch.tensor(numbers, dtype=torch.float64)[:, None] for numbers in (IMAGENET_MEAN, IMAGENET_STD))
    colours = made.flatten(1) * std + mean
    if not colours.isfinite().all():
        return None
    design = torch.cat([pixels, torch.ones_like(pixels[:1])]).T
    fit = torch.linalg.lstsq(design, colours.T).solution
    if not (design @ fit - colours.T).abs().max() <= SLACK:
        return None
    mixed, offset = fit[:3].T, fit[3]
    if standing_in:
        return tuple(mixed.diagonal().tolist())
    grey = float(GREY @ mixed.sum(dim=1))  # what grey pixels are multiplied by: brightness times contrast
    brightness = grey + float(GREY @ offset) / float((GREY @ image.flatten(1)).mean())
    return brightness, grey / brightness, float(mixed.trace() - grey) / 2 / grey
