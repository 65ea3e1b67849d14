"""Schedule, losses and head of 02_training are what libraries and plain loops say, written without a look at them."""

import math

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, PolynomialLR
from torchvision.models.segmentation.fcn import FCNHead

from autograder.reference import load_reference_notebook
from segkit.checking.inputs import Numbers

training = load_reference_notebook("competition", "02_training")


# ---- poly_restarts


def optimizer(rate: float = 1.0) -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=rate)


@pytest.mark.parametrize("power", [0.5, 0.9, 1.0, 2.0])
def test_one_cycle_is_pytorch_s_polynomial_schedule(power: float) -> None:
    theirs = PolynomialLR(optimizer(), total_iters=50, power=power)
    for step in range(50):
        assert training.poly_restarts(step, 50, power) == pytest.approx(theirs.get_last_lr()[0], abs=1e-9)
        theirs.optimizer.step()
        theirs.step()


@pytest.mark.parametrize(("cycle_steps", "cycle_factor"), [(1, 1), (7, 1), (1, 2), (5, 2), (3, 3), (2, 10)])
def test_cycles_begin_and_last_as_pytorch_s_warm_restarts(cycle_steps: int, cycle_factor: int) -> None:
    theirs = CosineAnnealingWarmRestarts(optimizer(), cycle_steps, cycle_factor)
    for step in range(500):
        left = 1 - theirs.T_cur / theirs.T_i
        factor = training.poly_restarts(step, cycle_steps, 0.9, cycle_factor, 0.1)
        assert factor == pytest.approx(0.1 + 0.9 * left**0.9, abs=1e-12)
        theirs.optimizer.step()
        theirs.step()


def test_a_scheduler_of_pytorch_takes_it_as_it_is() -> None:
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer(0.2), lambda step: training.poly_restarts(step, 4, power=1))
    rates = []
    for _ in range(6):
        rates += scheduler.get_last_lr()
        scheduler.optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([0.2, 0.15, 0.1, 0.05, 0.2, 0.15])


# ---- ohem_loss


def pixels(seed: int, *, num_classes: int = 5, ignored: int = 9, size=(3, 4, 7)) -> tuple[torch.Tensor, torch.Tensor]:
    numbers = Numbers(seed)
    target = numbers.integers(0, num_classes, *size)
    logits = 2 * numbers.normal(size[0], num_classes, *size[1:])
    logits += 2 * functional.one_hot(target, num_classes).movedim(-1, 1)
    target.view(-1)[numbers.shuffled(range(target.numel()))[:ignored]] = 255
    return logits, target


def ohem_by_a_loop(logits, target, threshold, min_kept, weight=None) -> float:
    """Pixel after pixel, in numpy and Python's numbers."""
    found = []
    batch, _, height, width = logits.shape
    for image in range(batch):
        for row in range(height):
            for column in range(width):
                label = int(target[image, row, column])
                if label != 255:
                    scores = np.asarray(logits[image, :, row, column])
                    probability = float(softmax(scores)[label])
                    found.append((probability, 1.0 if weight is None else float(weight[label])))
    found.sort()
    kept = [pixel for number, pixel in enumerate(found) if pixel[0] < threshold or number < min_kept]
    weights = sum(share for _, share in kept)
    return sum(-math.log(probability) * share for probability, share in kept) / weights if weights else 0.0


def ohem_by_a_moved_threshold(logits, target, threshold, min_kept, weight=None) -> torch.Tensor:
    """As libraries for segmentation do it: the threshold rises to the probability of the last pixel that is needed.

    Then easy pixels are labelled 255, and PyTorch's cross-entropy leaves them out.
    """
    scores = logits.softmax(dim=1)
    true = scores.gather(1, target.clamp(max=logits.shape[1] - 1)[:, None])[:, 0]
    true = true.masked_fill(target == 255, torch.inf)
    in_order = true[target != 255].sort().values
    needed = min(min_kept, len(in_order))
    limit = in_order[needed - 1] if needed else -torch.inf
    hard = target.masked_fill((true >= threshold) & (true > limit), 255)
    return functional.cross_entropy(logits, hard, weight, ignore_index=255)


CASES = [(0.7, 1), (0.7, 10_000), (0.5, 20), (0.0, 1), (0.0, 30), (0.05, 40), (0.05, 75), (0.9, 74), (1.1, 0)]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("threshold", "min_kept"), CASES)
def test_hard_pixels_are_those_of_two_other_ways(threshold: float, min_kept: int, weighted: bool) -> None:
    for seed in range(4):
        logits, target = pixels(seed)
        weight = Numbers(seed).normal(5).abs() if weighted else None
        one, other = logits.clone().requires_grad_(), logits.clone().requires_grad_()
        ours = training.ohem_loss(one, target, threshold, min_kept, weight)
        theirs = ohem_by_a_moved_threshold(other, target, threshold, min_kept, weight)
        assert ours.item() == pytest.approx(ohem_by_a_loop(logits, target, threshold, min_kept, weight), rel=1e-9)
        torch.testing.assert_close(ours, theirs)
        ours.backward()
        theirs.backward()
        torch.testing.assert_close(one.grad, other.grad)


def test_everything_kept_is_cross_entropy() -> None:
    logits, target = pixels(5)
    usual = functional.cross_entropy(logits, target, ignore_index=255)
    torch.testing.assert_close(training.ohem_loss(logits, target, threshold=2.0, min_kept=0), usual)
    torch.testing.assert_close(training.ohem_loss(logits, target, threshold=0.0), usual)


@pytest.mark.parametrize("case", ["no labels", "nothing hard", "weights of 0"])
def test_nothing_to_keep_is_a_zero_that_gradients_come_back_from(case: str) -> None:
    logits, target = pixels(6)
    target = torch.full_like(target, 255) if case == "no labels" else target
    settings = {"threshold": 0.0, "min_kept": 0} if case == "nothing hard" else {}
    weight = torch.zeros(5, dtype=torch.float64) if case == "weights of 0" else None
    logits.requires_grad_()
    loss = training.ohem_loss(logits, target, **settings, weight=weight)
    loss.backward()
    assert loss == 0 and logits.grad.count_nonzero() == 0


def test_equally_hard_pixels_are_kept_up_to_the_minimum() -> None:
    logits = torch.tensor([[0.0, 5.0, 0.0, 0.0], [0.0, 0.0, 0.0, 3.0]])[None, :, None]  # class 0: 0.5 0.99 0.5 0.05
    loss = training.ohem_loss(logits, torch.zeros(1, 1, 4, dtype=torch.int64), threshold=0.0, min_kept=2)
    assert loss.item() == pytest.approx((math.log(2) + math.log1p(math.exp(3))) / 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_precision_and_weights_of_mixed_precision(dtype: torch.dtype) -> None:
    logits, target = pixels(7)
    weight = torch.tensor([0.5, 1, 2, 1, 1], dtype=dtype)
    exact = training.ohem_loss(logits.to(dtype).double(), target, min_kept=5, weight=weight.double())
    loss = training.ohem_loss(logits.to(dtype), target, min_kept=5, weight=weight)
    assert loss.item() == pytest.approx(float(exact), rel=1e-5 if dtype is torch.float32 else 0.05)


# ---- AuxiliaryHead, auxiliary_loss


def test_the_head_is_torchvision_s_without_dropout() -> None:
    torch.manual_seed(0)
    theirs = FCNHead(16, 3)  # 4 channels inside
    theirs[3].p = 0.0
    ours = training.AuxiliaryHead(16, 4, 3)
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    maps = torch.randn(2, 16, 5, 7)
    for training_mode in (True, False):
        ours.train(training_mode), theirs.train(training_mode)
        torch.testing.assert_close(ours(maps), theirs(maps))
    torch.testing.assert_close(ours.state_dict()["norm.running_var"], theirs.state_dict()["1.running_var"])


def enlarged_by_hand(row: list[float], size: int) -> list[float]:
    """Linear interpolation between the centres of pixels, the outermost numbers going on to the border."""
    places = (np.arange(size) + 0.5) * len(row) / size - 0.5
    return list(np.interp(places, np.arange(len(row)), row))


def test_the_loss_of_both_heads_at_the_size_of_the_target() -> None:
    seen = []

    def criterion(logits, target):
        seen.append(logits[0, 0, 0].tolist())
        return logits.mean()

    main, small = torch.tensor([1.0, 2, 3, 4, 5]), torch.tensor([0.0, 4.0])
    loss = training.auxiliary_loss(
        main[None, None, None], small[None, None, None], torch.zeros(1, 1, 5, dtype=torch.int64), criterion, 0.25
    )
    assert seen[0] == main.tolist() and seen[1] == pytest.approx(enlarged_by_hand([0.0, 4.0], 5))
    assert loss.item() == pytest.approx(3 + 0.25 * 2)


# ---- channel_distillation


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_distillation_is_scipy_s_relative_entropy_of_every_channel(temperature: float) -> None:
    numbers = Numbers(11)
    student, teacher = (3 * numbers.normal(2, 4, 3, 5) for _ in range(2))
    total = 0.0
    for image in range(2):
        for channel in range(4):
            maps = [softmax(np.asarray(one[image, channel]).ravel() / temperature) for one in (teacher, student)]
            total += entropy(*maps)
    loss = training.channel_distillation(student, teacher, temperature)
    assert loss.item() == pytest.approx(temperature**2 * total / 8, rel=1e-9)


def test_a_student_that_agrees_up_to_offsets_has_nothing_to_learn() -> None:
    teacher = 3 * Numbers(12).normal(2, 4, 3, 5)
    student = (teacher + torch.tensor([3.0, -1, 0, 100])[:, None, None]).requires_grad_()
    loss = training.channel_distillation(student, teacher)
    loss.backward()
    assert abs(loss.item()) < 1e-12 and student.grad.abs().max() < 1e-12
