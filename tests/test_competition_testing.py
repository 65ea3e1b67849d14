"""Multi-scale testing, held against an implementation of its own: loops and numpy, nothing of torch but the model."""

import numpy as np
import pytest
import torch
from torch import nn

from autograder.reference import load_reference
from segkit.competition.zoo import build_model
from segkit.tasks.competition.ladder_doubles import QuarterLogits

SETTINGS = [
    {"scales": (1.0,), "flip": False, "multiple": 8},
    {"scales": (0.5, 0.8, 1.9), "flip": False, "multiple": 4},
    {"scales": (0.7, 1.0), "flip": True, "multiple": 8},
    {"scales": (0.2, 1.3), "flip": True, "multiple": 16},
]


@pytest.fixture(scope="module")
def multi_scale():
    return load_reference("competition")["03_ladder"].multi_scale


def positions(old: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of `new` pixels the two of `old` pixels that it lies between, and its distance to the first.

    Pixels are squares whose middles lie at 0.5, 1.5, ...; beyond the first and the last middle nothing changes.
    """
    middles = np.array([min(max((index + 0.5) * old / new - 0.5, 0.0), old - 1.0) for index in range(new)])
    first = np.floor(middles).astype(int)
    return first, np.minimum(first + 1, old - 1), middles - first


def resized(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, of (C, h, w): rows, then columns."""
    above, below, down = positions(picture.shape[1], height)
    picture = picture[:, above] * (1 - down)[:, None] + picture[:, below] * down[:, None]
    left, right, across = positions(picture.shape[2], width)
    return picture[:, :, left] * (1 - across) + picture[:, :, right] * across


def side_of(side: int, scale: float, multiple: int) -> int:
    """The multiple that is nearest to scale * side: tried one after the other."""
    choices = [multiple * count for count in range(1, 2 + int(scale * side))]
    return min(choices, key=lambda choice: abs(choice - scale * side))


def probabilities(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=0))
    return shifted / shifted.sum(axis=0)


def by_loops(model: nn.Module, images: torch.Tensor, scales, flip: bool, multiple: int) -> np.ndarray:
    """What multi-scale testing is, image by image and look by look."""
    answers = []
    for image in images.numpy():
        _, height, width = image.shape
        looks = []
        for scale in scales:
            small = resized(image, side_of(height, scale, multiple), side_of(width, scale, multiple))
            for mirrored in [False, True][: 1 + flip]:
                shown = np.ascontiguousarray(small[:, :, ::-1] if mirrored else small)
                logits = model(torch.from_numpy(shown)[None])[0].detach().numpy()
                looks.append(probabilities(resized(logits[:, :, ::-1] if mirrored else logits, height, width)))
        answers.append(sum(looks) / len(looks))
    return np.stack(answers)


def images_of(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_reference_is_equal_to_loops_in_numpy(multi_scale, settings):
    model = QuarterLogits(4).double().eval()
    images = images_of(2, 3, 27, 45)
    expected = by_loops(model, images, **settings)
    found = multi_scale(model, images, **settings)
    assert found.shape == (2, 4, 27, 45)
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-12)


def test_it_is_equal_for_a_segformer_too(multi_scale):
    torch.manual_seed(3)
    model = build_model("segformer_b0", 19).double().eval()
    images = images_of(1, 3, 43, 70)
    expected = by_loops(model, images, (0.75, 1.0, 1.25), True, 32)
    np.testing.assert_allclose(multi_scale(model, images).numpy(), expected, rtol=0, atol=1e-9)


def test_one_look_at_a_multiple_is_the_model_itself(multi_scale):
    model = QuarterLogits(3).double().eval()
    images = images_of(1, 3, 32, 64)
    logits = nn.functional.interpolate(model(images), (32, 64), mode="bilinear", align_corners=False)
    found = multi_scale(model, images, scales=(1.0,), flip=False)
    assert torch.equal(found, logits.softmax(dim=1))
    assert torch.allclose(found.sum(dim=1), torch.ones(1, 32, 64, dtype=torch.float64))


def test_a_mirrored_image_has_the_mirrored_answer(multi_scale):
    model = QuarterLogits(3).double().eval()
    images = images_of(1, 3, 32, 64)
    found, mirrored = (multi_scale(model, each, (0.7, 1.0)) for each in (images, images.flip(-1)))
    assert torch.allclose(mirrored, found.flip(-1), atol=1e-12)
