"""What the tests ask of a metric that is an object: it is told pairs of predictions and targets, and then asked."""

from collections.abc import Iterable
from typing import Any

import torch

from segkit.checking.candidate import Candidate
from segkit.checking.probes import Outputs
from segkit.tasks.segformer.probes import as_tensor, has_dtype, on_cpu, unchanged

DRIVER = "ask_metric"  # of metric_doubles: stands in for nothing, so it is there in every case
WORDS = {"confusion": "the confusion matrix", "iou": "the vector of IoUs", "mean_iou": "the mean IoU"}
Batches = list[tuple[torch.Tensor, torch.Tensor]]  # predictions and targets


def measured(
    candidate: Candidate,
    *,
    batches: Batches,
    asked: Iterable[str],
    settings: dict | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """What a new metric says after all batches.

    Args:
        asked: names of `WORDS`.
        settings: the constructor's arguments.
    """
    return _answers(candidate, [*_updates(batches), *([name] for name in asked)], settings, doubles)


def measured_twice(
    candidate: Candidate, *, before: Batches, after: Batches, settings: dict | None = None, doubles: Iterable[str] = ()
) -> Outputs:
    """What a metric says after some batches and again after more of them."""
    steps = [*_updates(before), ["mean_iou"], ["iou"], *_updates(after), ["mean_iou"], ["confusion"]]
    return _answers(candidate, steps, settings, doubles)


def measured_after_reset(
    candidate: Candidate, *, before: Batches, after: Batches, settings: dict | None = None, doubles: Iterable[str] = ()
) -> Outputs:
    """What a metric says after a reset between batches."""
    steps = [*_updates(before), ["reset"], *_updates(after), ["confusion"], ["mean_iou"]]
    return _answers(candidate, steps, settings, doubles)


def measured_beside_another(
    candidate: Candidate, *, first: Batches, second: Batches, settings: dict | None = None, doubles: Iterable[str] = ()
) -> Outputs:
    """What each of two metrics says, one for each list of batches, made and told in turn."""
    candidate.begin(doubles=(*doubles, DRIVER))
    metrics = [_new(candidate, settings) for _ in range(2)]
    for metric, batches in zip(metrics, (first, second), strict=True):
        candidate.call(DRIVER, metric, _updates(batches))
    found = [candidate.call(DRIVER, metric, [["confusion"]]).result for metric in metrics]
    names = ("the confusion matrix of the first metric", "the confusion matrix of the second metric")
    return {name: as_tensor(_only(value)) for name, value in zip(names, found, strict=True)}


def metric_manners(
    candidate: Candidate, *, batches: Batches, settings: dict | None = None, doubles: Iterable[str] = ()
) -> Outputs:
    """What a metric says, the dtypes of that, and whether predictions and targets are left unchanged."""
    candidate.begin(doubles=(*doubles, DRIVER))
    metric = _new(candidate, settings)
    told = candidate.call(DRIVER, metric, _updates(batches))
    confusion, ious = (_only(candidate.call(DRIVER, metric, [[name]]).result) for name in ("confusion", "iou"))
    return {
        WORDS["confusion"]: confusion,
        WORDS["iou"]: ious,
        **has_dtype("the dtype of the confusion matrix", confusion, "int64"),
        **has_dtype("the dtype of the IoUs", ious, "float64"),
        **unchanged(told.inputs_changed),
    }


def _answers(candidate: Candidate, steps: list, settings: dict | None, doubles: Iterable[str]) -> Outputs:
    candidate.begin(doubles=(*doubles, DRIVER))
    found = candidate.call(DRIVER, _new(candidate, settings), steps).result
    names = [step[0] for step in steps if step[0] in WORDS]
    outputs = {}
    for name, value in zip(names, found, strict=True):
        word = WORDS[name]
        outputs[f"{word}, asked again" if word in outputs else word] = as_tensor(value)
    return outputs


def _new(candidate: Candidate, settings: dict | None):
    return candidate.build("SegmentationMetric", **(settings or {"num_classes": 3}))


def _updates(batches: Batches) -> list:
    return [["update", on_cpu(prediction), on_cpu(target)] for prediction, target in batches]


def _only(value: Any) -> Any:
    return as_tensor(value[0]) if isinstance(value, list) and len(value) == 1 else value
