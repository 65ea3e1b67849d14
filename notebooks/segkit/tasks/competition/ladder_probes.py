"""What the tests ask of multi-scale testing: probabilities, sides, and how model and images are treated.

The model comes from `ladder_doubles`, and a probe installs it itself: it stands in for nothing that students write.
"""

from collections.abc import Iterable

import torch

from segkit.checking.candidate import Candidate
from segkit.checking.probes import Outputs
from segkit.checking.values import Handle
from segkit.tasks.segformer.probes import unchanged, yes

OURS = ("QuarterLogits", "set_mode")


def averaged(
    candidate: Candidate,
    *,
    images: torch.Tensor,
    settings: dict,
    num_classes: int = 3,
    training: bool = False,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The probabilities that `multi_scale` gives.

    Args:
        training: hand the model in in training mode, in which it gives other answers.
    """
    candidate.begin(doubles=(*OURS, *doubles))
    model = _model(candidate, training, num_classes=num_classes)
    return {"the map of probabilities": candidate.call("multi_scale", model, images, **settings).result}


def _model(candidate: Candidate, training: bool, **settings) -> Handle:
    model = candidate.make("student", name="QuarterLogits", args=[], kwargs=settings, dtype="float64")
    candidate.call("set_mode", model, training)
    return model


def sizes_shown(candidate: Candidate, *, images: torch.Tensor, settings: dict, doubles: Iterable[str] = ()) -> Outputs:
    """The different heights and widths that `multi_scale` shows to the model, in rising order: one may come twice."""
    candidate.begin(doubles=(*OURS, *doubles))
    model = _model(candidate, False)
    candidate.call("multi_scale", model, images, **settings)
    shown = candidate.read(model)[0].get("sizes", torch.zeros(0, 2))
    return {"the list of heights and widths that the model is shown": shown.unique(dim=0)}


def averaged_manners(
    candidate: Candidate, *, images: torch.Tensor, settings: dict, doubles: Iterable[str] = ()
) -> Outputs:
    """The probabilities, and how `multi_scale` treats the images and models whose answers do not depend on the mode."""
    candidate.begin(doubles=(*OURS, *doubles))
    models = [_model(candidate, training, wrong_in_training=False) for training in (True, False)]
    answers = [candidate.call("multi_scale", model, images, **settings) for model in models]
    (trained, is_training), (evaluated, still_training) = (candidate.read(model) for model in models)
    graphs = [buffers.get("graphs", torch.ones(())).eq(0).all() for buffers in (trained, evaluated)]
    return {
        "the map of probabilities": answers[0].result,
        "whether a model in training mode is in training mode afterwards (1 is yes)": yes(is_training),
        "whether a model in evaluation mode is in evaluation mode afterwards (1 is yes)": yes(not still_training),
        "whether the model predicts without building a graph for gradients (1 is yes)": yes(all(graphs)),
        **unchanged([changed for answer in answers for changed in answer.inputs_changed]),
    }
