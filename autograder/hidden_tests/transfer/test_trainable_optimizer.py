"""2.3 build_optimizer: AdamW with amsgrad, which holds the parameters that take a gradient and no others."""

from autograder.testing import graded
from segkit.tasks.transfer.training_probes import optimizer_holdings, optimizer_settings, optimizer_steps


def training(draw, steps: int) -> dict:
    """Batches that differ in size of the gradient: only then does amsgrad matter."""
    size = draw.choose((6, 8), (8, 4))
    batches = []
    for _ in range(steps):
        batches.append((draw.normal(2, 3, *size), draw.integers(0, 3, 2, *size)))
    return dict(batches=batches, learning_rate=draw.choose(0.02, 0.05))


@graded("AdamW with amsgrad and the learning rate that was asked for", share=2)
def test_settings(judge, draw):
    judge.same(optimizer_settings, learning_rate=draw.choose(0.003, 0.0005, 0.02), frozen=[])


@graded("all parameters of a model in which nothing is frozen: the steps", share=1.5)
def test_steps(judge, draw):
    judge.same(optimizer_steps, **training(draw, 4), frozen=[])


@graded("a frozen encoder: which parameters the optimiser holds", share=2)
def test_frozen(judge, draw):
    judge.same(optimizer_holdings, learning_rate=0.01, frozen=["encoder."])


@graded("a frozen encoder with gradients of an earlier training: it stays as it is", share=2)
def test_leftover(judge, draw):
    case = dict(frozen=["encoder."], leftover=draw.choose(0.5, -1.5), part="frozen")
    judge.same(optimizer_steps, **training(draw, 2), **case)


@graded("other parts frozen: which parameters the optimiser holds", share=1.5)
def test_other_parts(judge, draw):
    judge.same(optimizer_holdings, learning_rate=0.01, frozen=draw.choose(["encoder.0."], ["head."], ["encoder.2."]))
