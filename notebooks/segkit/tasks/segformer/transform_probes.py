"""What the tests ask of a transform of an image and its mask: both results, and whether one coin flips both.

The transform is `joint_transform`, or the function that `name` names.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch.nn import functional

from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.probes import Outputs
from segkit.checking.values import Unknown
from segkit.tasks.segformer.probes import as_tensor, has_dtype, on_cpu, unchanged, yes

JOINT = "joint_transform"
Pair = tuple[torch.Tensor, torch.Tensor]
COINS = 24  # flips that must not all fall the same way: 1 in 8 million times they do
REPEATS = 8
BORDER = 2  # pixels


def transformed_image(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    mask: torch.Tensor,
    settings: dict,
    name: str = JOINT,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The image that the transform makes."""
    candidate.begin(doubles=doubles)
    return {"the image": _transform(candidate, image, mask, settings, name)[0]}


def resized_image(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    mask: torch.Tensor,
    settings: dict,
    name: str = JOINT,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The image that the transform makes, without the mean and spread of each channel, its border blackened.

    At the border it matters whether resizing is antialiased; normalisation is another question.
    """
    candidate.begin(doubles=doubles)
    made, _ = _transform(candidate, image, mask, settings, name)
    if isinstance(made, torch.Tensor) and made.ndim == 3 and min(made.shape[1:]) > 2 * BORDER:
        inside = _standardised(made[:, BORDER:-BORDER, BORDER:-BORDER])
        made = functional.pad(inside, [BORDER] * 4)
    return {"the image (its border, and each channel's mean and spread aside)": made}


def transformed_target(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    mask: torch.Tensor,
    settings: dict,
    name: str = JOINT,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The target that the transform makes."""
    candidate.begin(doubles=doubles)
    return {"the target": _transform(candidate, image, mask, settings, name)[1]}


def transformed_pair(
    candidate: Candidate, *, image: torch.Tensor, mask: torch.Tensor, settings: dict, doubles: Iterable[str] = ()
) -> Outputs:
    """Image (standardised) and target, and how many of several calls give the same pair."""
    candidate.begin(doubles=doubles)
    pairs = [_transform(candidate, image, mask, settings) for _ in range(REPEATS)]
    first = pairs[0]
    alike = sum(_same(pair[0], first[0]) and _same(pair[1], first[1]) for pair in pairs)
    return {
        "the image": _standardised(first[0]),
        "the target": first[1],
        f"the number of calls (of {REPEATS}) that give the same": torch.tensor(alike),
    }


def transform_coins(
    candidate: Candidate, *, image: torch.Tensor, mask: torch.Tensor, settings: dict, doubles: Iterable[str] = ()
) -> Outputs:
    """The pair without a flip, and for many flips of a fair coin whether image and target do the same."""
    candidate.begin(doubles=doubles)
    plain = _transform(candidate, image, mask, {**settings, "flip_probability": 0.0})
    sides = []
    for _ in range(COINS):
        made = _transform(candidate, image, mask, {**settings, "flip_probability": 0.5})
        sides.append((_side(made[0], plain[0]), _side(made[1], plain[1])))
    alike = sum(image_side is not None and image_side == target_side for image_side, target_side in sides)
    return {
        "the image without a flip": _standardised(plain[0]),
        "the target without a flip": plain[1],
        f"the number of pairs (of {COINS} with flip_probability 0.5) whose image and target are flipped alike":
            torch.tensor(alike),
        "whether some images are flipped and others not (1 is yes)": yes(len({side for side, _ in sides}) == 2),
    }  # fmt: skip


def transform_manners(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    mask: torch.Tensor,
    settings: dict,
    name: str = JOINT,
    target_dtype: str = "int64",
    doubles: Iterable[str] = (),
) -> Outputs:
    """The pair, its dtypes, and whether image and mask are left unchanged."""
    candidate.begin(doubles=doubles)
    answer = candidate.call(name, on_cpu(image), on_cpu(mask), **settings)
    made, target = pair_of(answer.result, name)
    return {
        "the image": _standardised(made),
        "the target": target,
        **has_dtype("the image's dtype", made, "float32"),
        **has_dtype("the target's dtype", target, target_dtype),
        **unchanged(answer.inputs_changed),
    }


def _transform(
    candidate: Candidate, image: torch.Tensor, mask: torch.Tensor, settings: dict, name: str = JOINT
) -> Pair:
    return pair_of(candidate.call(name, on_cpu(image), on_cpu(mask), **settings).result, name)


def pair_of(value: Any, name: str) -> Pair:
    """What a transform returned, as a pair of tensors.

    Raises:
        AnswerError: if it is none.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        kind = value.type_name if isinstance(value, Unknown) else type(value).__name__
        count = f" of {len(value)}" if isinstance(value, (tuple, list)) else ""
        raise AnswerError(f"{name} returns a {kind}{count}; the pair (image, target) was expected.")
    return as_tensor(value[0]), as_tensor(value[1])


def _standardised(image: Any) -> Any:
    if not isinstance(image, torch.Tensor) or image.ndim != 3:
        return image
    image = image.double()
    spread = image.std(dim=(1, 2), keepdim=True)
    return (image - image.mean(dim=(1, 2), keepdim=True)) / torch.where(spread > 0, spread, 1.0)


def _same(a: Any, b: Any) -> bool:
    tensors = isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor)
    return tensors and a.shape == b.shape and a.numel() > 0 and bool(_distance(a, b) <= 0.05)


def _side(made: Any, plain: Any) -> str | None:
    """Whether an image or target is as without a flip, or mirrored from left to right, or neither."""
    if _same(made, plain):
        return "plain"
    has_sides = isinstance(plain, torch.Tensor) and plain.ndim > 0
    return "mirrored" if has_sides and _same(made, plain.double().flip(-1)) else None


def _distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Largest difference, relative to the spread of `b`."""
    spread = b.double().std()
    return (a.double() - b.double()).abs().max() / torch.where(spread > 0, spread, 1.0)
