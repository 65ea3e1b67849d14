"""2.2 freeze_encoder: neither gradients nor statistics reach the encoder, and the rest trains as before."""

from autograder.testing import graded
from segkit.tasks.transfer.training_probes import frozen_answers, frozen_training, gradient_counts, returns_the_model


def training(draw, model: str = "TinyFCN", steps: int = 2) -> dict:
    """Batches, and an optimiser that takes long steps and holds all parameters."""
    size = draw.choose((6, 8), (8, 4), (10, 6))
    classes = 21 if model == "TinyFCN" else 3
    batches = [(draw.normal(2, 3, *size), draw.integers(0, classes, 2, *size)) for _ in range(steps)]
    optimizer = dict(name="sgd", lr=draw.choose(0.1, 0.2), momentum=0.5, weight_decay=0.1)
    return dict(model=model, batches=batches, optimizer=optimizer)


@graded("the encoder's weights stay as they are", share=2)
def test_weights(judge, draw):
    judge.same(frozen_training, **training(draw), part="encoder weights")
    judge.same(gradient_counts, model="TinyFCN")


@graded("the encoder's running statistics stay as they are", share=2)
def test_statistics(judge, draw):
    judge.same(frozen_training, **training(draw), part="encoder statistics")


@graded("in training mode the encoder computes as in evaluation mode: the logits", share=1.5)
def test_training_mode(judge, draw):
    images = draw.normal(3, 3, *draw.choose((6, 8), (8, 4)))
    judge.same(frozen_answers, model="TinyFCN", images=images, modes=[True])


@graded("the rest of the model trains, with statistics of its own", share=2)
def test_rest(judge, draw):
    judge.same(frozen_training, **training(draw), part="rest")
    judge.same(frozen_training, **training(draw), part="losses")


@graded("evaluation and training mode one after the other", share=1)
def test_modes(judge, draw):
    images = draw.normal(2, 3, 6, 8)
    judge.same(frozen_answers, model="TinyFCN", images=images, modes=draw.choose([False, True, False], [True, False]))
    judge.same(frozen_training, **training(draw), part="encoder statistics", modes=[False, True])


@graded("a model whose encoder is called encoder", share=1)
def test_encoder(judge, draw):
    judge.same(gradient_counts, model="TinySegFormer")
    judge.same(frozen_training, **training(draw, "TinySegFormer"), part="encoder weights")
    judge.same(frozen_training, **training(draw, "TinySegFormer"), part="rest")


@graded("the model itself comes back", share=0.5)
def test_returned(judge, draw):
    settings = dict(aux=draw.choose(True, False))
    judge.same(returns_the_model, name="freeze_encoder", model="TinyFCN", arguments=[], settings=settings)
