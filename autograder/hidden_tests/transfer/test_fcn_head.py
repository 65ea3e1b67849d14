"""2.1 replace_head: new last layers in both heads, of the right width, and nothing else is new."""

from autograder.testing import graded
from segkit.tasks.transfer.training_probes import head_weights, kept_weights, new_head, returns_the_model


def fcn(draw, **settings) -> dict:
    return dict(num_classes=draw.choose(3, 5, 7), model=settings)


def images(draw):
    return draw.normal(2, 3, *draw.choose((8, 12), (10, 6)))


@graded("a model without auxiliary classifier: the logits", share=2)
def test_logits(judge, draw):
    judge.same(new_head, **fcn(draw, aux=False), images=images(draw))


@graded("the logits of the auxiliary classifier", share=2)
def test_auxiliary(judge, draw):
    judge.same(new_head, **fcn(draw), images=images(draw))


@graded("heads of other widths", share=1)
def test_other_widths(judge, draw):
    width, aux_width = draw.choose((32, 20), (40, 12), (20, 28))
    judge.same(new_head, **fcn(draw, width=width, aux_width=aux_width), images=images(draw))


@graded("all other layers keep their weights", share=2)
def test_kept(judge, draw):
    judge.same(kept_weights, **fcn(draw))


@graded("the last layers are new, with a bias, also if the number of classes stays", share=1.5)
def test_new_layers(judge, draw):
    judge.same(head_weights, **fcn(draw))
    judge.same(head_weights, num_classes=21, model={})


@graded("the model itself comes back", share=0.5)
def test_returned(judge, draw):
    arguments = [draw.choose(3, 5)]
    judge.same(returns_the_model, name="replace_head", model="TinyFCN", arguments=arguments, settings={})
