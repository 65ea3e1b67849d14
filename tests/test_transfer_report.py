"""The report of the transfer assignment: its measures against scikit-learn's, its figures, and what they refuse."""

import json
import math

import pytest
import sklearn.metrics
import torch
from matplotlib.figure import Figure
from tiny_transfer import Blobs, tiny_fcn, tiny_run
from torch import nn

from autograder.reference import load_reference_notebook, reference_candidate
from segkit.checking.inputs import Numbers
from segkit.checking.multiply_adds import multiply_add_counter
from segkit.checking.probes import module_output
from segkit.errors import CourseError
from segkit.plots import show_predictions
from segkit.transfer.earlier import own_class, show_own_class
from segkit.transfer.report import MOST_POINTS, class_scores, show_masks, show_roc, show_runs, show_shares, targets_of
from segkit.transfer.runs import read_runs


@pytest.fixture(scope="module")
def report():
    """Notebook 5 of the reference."""
    return load_reference_notebook("transfer", "05_report")


def scored(seed: int, levels: int | None = None):
    """Scores (2, 3, 20, 30) that know something of the target, a fifth of which is ignored."""
    numbers = Numbers(seed)
    target = numbers.integers(0, 3, 2, 20, 30)
    scores = (numbers.normal(2, 3, 20, 30) + nn.functional.one_hot(target, 3).movedim(-1, 1)).softmax(dim=1)
    if levels:
        scores = (scores * levels).round() / levels
    target[numbers.normal(2, 20, 30) > 0.84] = 255
    return scores, target


@pytest.mark.parametrize("levels", [None, 10])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_roc_curve_is_scikit_learns(report, label: int, levels: int | None) -> None:
    scores, target = scored(label, levels)
    known = target != 255
    false_rate, true_rate, area = report.roc_curve(scores, target, label)
    is_class, score = (target == label)[known].numpy(), scores[:, label][known].numpy()
    theirs = sklearn.metrics.roc_curve(is_class, score, drop_intermediate=False)
    assert torch.equal(false_rate, torch.from_numpy(theirs[0]))
    assert torch.equal(true_rate, torch.from_numpy(theirs[1]))
    assert math.isclose(area, sklearn.metrics.roc_auc_score(is_class, score), abs_tol=1e-12)


def test_shares_are_scikit_learns_normalised_matrix(report) -> None:
    _, target = scored(7)
    prediction, known = Numbers(8).integers(0, 3, *target.shape), target != 255
    pair = target[known].numpy(), prediction[known].numpy()
    counts = torch.from_numpy(sklearn.metrics.confusion_matrix(*pair))
    theirs = torch.from_numpy(sklearn.metrics.confusion_matrix(*pair, normalize="true"))
    assert torch.allclose(report.confusion_shares(counts), theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "channels", "heads", "ratio"), [((8, 12), 8, 2, 1), ((8, 12), 8, 4, 2), ((9, 14), 12, 3, 4)]
)
def test_attention_cost_is_what_the_block_of_notebook_3_takes(report, size, channels, heads, ratio) -> None:
    code = load_reference_notebook("transfer", "03_segformer")
    block = code.TransformerBlock(channels, heads, ratio, 2).eval()
    with multiply_add_counter() as counter, torch.no_grad():
        block.attend(torch.randn(1, channels, *size))
    counted = counter.get_total_flops() // 2
    norm = (size[0] // ratio) * (size[1] // ratio) * channels if ratio > 1 else 0  # weights of an LN, if written out
    scale = size[0] * size[1] * (size[0] // ratio) * (size[1] // ratio) * heads  # a product number by number
    cost = report.attention_cost(*size, channels, heads, ratio)
    assert cost <= counted <= cost + norm + scale


def test_the_model_is_the_first_assignments_with_enlarged_logits() -> None:
    """With the same values in weights of the same shape, wherever the two keep them."""
    image = Numbers(5).normal(1, 3, 64, 96)
    ours = reference_candidate("transfer", "03_segformer"), "PetSegFormer"
    theirs = reference_candidate("segformer", "03_model"), "SegFormer"
    logits, coarse = (
        module_output(candidate, name=name, arguments=dict(num_classes=3, embed_channels=24), inputs=[image])[
            "the output"
        ]
        for candidate, name in (ours, theirs)
    )
    enlarged = nn.functional.interpolate(coarse, (64, 96), mode="bilinear")
    assert torch.allclose(logits, enlarged, atol=1e-9 * float(enlarged.std()))


# ------------------------------------------------------------------------------------------------------------- figures


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("runs")
    for name in ("fcn", "another"):
        tiny_run(folder, name)
    return read_runs(folder)


def texts_of(figure: Figure) -> str:
    """All words of a figure."""
    figure.draw_without_rendering()
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_all_runs_are_in_one_figure_with_their_best_values(runs) -> None:
    figure = show_runs(runs)
    words = texts_of(figure)
    for run in runs.values():
        assert f"{run.name}  {run.best_mean_iou:.3f}" in words
        assert f"best {run.best_mean_iou:.3f} at {run.best_epoch}; validation loss from" in figure.alt
    lines = figure.axes[0].get_lines()
    assert [list(line.get_ydata()) for line in lines[::2]] == [run.history.val_mean_iou for run in runs.values()]
    assert [line.get_xdata()[0] for line in lines[1::2]] == [run.best_epoch for run in runs.values()]


def test_runs_that_cannot_be_compared_are_not_drawn(runs, tmp_path) -> None:
    first, second = runs.values()
    facts = first.facts | {"split": "another"}
    stranger = type(first)("stranger", tmp_path, json.loads(json.dumps(facts)), first.history)
    with pytest.raises(CourseError, match="cannot be compared: split is"):
        show_runs({"stranger": stranger, second.name: second})
    with pytest.raises(CourseError, match="no runs to show"):
        show_runs({})


def test_shares_of_several_runs_name_absent_classes() -> None:
    matrix = torch.tensor([[0.25, 0.75, 0.0], [0.1, 0.8, 0.1], [math.nan] * 3])
    figure = show_shares({"one": matrix, "two": matrix, "three": matrix, "four": matrix})
    assert "4 confusion matrices" in figure.alt and "one: pet 25%, background 80%, border absent" in figure.alt
    words = texts_of(figure)
    assert "four" in words and "75%" in words and "–" in words
    with pytest.raises(CourseError, match=r"The matrix of one has shape \(3, 3\) for 2 class names"):
        show_shares({"one": matrix}, class_names=("a", "b"))
    with pytest.raises(CourseError, match="There are no matrices to show"):
        show_shares({})


def test_a_long_roc_curve_is_thinned_and_keeps_its_ends(report) -> None:
    numbers = Numbers(3)
    target = numbers.integers(0, 2, 4, 64, 64)
    scores = (numbers.normal(4, 2, 64, 64) + nn.functional.one_hot(target, 2).movedim(-1, 1)).softmax(dim=1)
    curve = report.roc_curve(scores, target, 1)
    figure = show_roc({"pet": {"a run": curve, "unknown": ([math.nan] * 2, [math.nan] * 2, math.nan)}})
    line = figure.axes[0].get_lines()[1]
    points = line.get_xydata()
    assert len(curve[0]) > 10_000 and len(points) <= MOST_POINTS
    assert points[0].tolist() == [0, 0] and points[-1].tolist() == [1, 1]
    thin = torch.trapezoid(torch.tensor(points[:, 1].copy()), torch.tensor(points[:, 0].copy()))
    assert abs(thin - curve[2]) < 1e-3
    assert f"a run  {float(curve[2]):.3f}" in texts_of(figure)
    assert figure.alt.endswith(f"pet: a run {float(curve[2]):.3f}, unknown absent.")


def test_masks_of_all_runs_stand_beside_the_truth() -> None:
    dataset = Blobs(3, seed=0)
    truth = targets_of(dataset)
    guess = truth.clamp(max=2)
    figure = show_masks(dataset.images, truth, {"run_one": guess, "run_two": guess.flip(0)})
    titles = [axis.get_title() for axis in figure.axes[:4]]
    assert titles == ["image", "truth", "run one", "run two"]
    assert figure.alt.startswith("A row per image: image, truth, run one, run two. image 1: truth ")
    assert "; run one " in figure.alt and "; 0.0% wrong; run two " in figure.alt
    words = texts_of(figure)
    assert all(name in words for name in ("pet", "background", "border", "ignored"))
    with pytest.raises(CourseError, match="as many of each"):
        show_predictions(dataset.images, truth, {"run": guess[:2]})


# -------------------------------------------------------------------------------------------------------------- scores


def test_scores_are_probabilities_of_the_evaluation_mode_and_leave_the_model_as_it_was() -> None:
    torch.manual_seed(0)
    dataset, model = Blobs(5, seed=1), tiny_fcn().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    scores = class_scores(model, dataset, batch_size=2)
    assert scores.shape == (5, 3, 8, 8) and torch.allclose(scores.sum(dim=1), torch.ones(5, 8, 8))
    assert model.training and all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with torch.no_grad():
        expected = model.eval()(dataset.images)["out"].softmax(dim=1)
    assert torch.allclose(scores, expected, atol=1e-6)


# ------------------------------------------------------------------------------------------ a class written before


def written(path, *cells: str):
    code = [{"cell_type": "code", "source": source, "metadata": {}} for source in cells]
    path.write_text(json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def test_the_last_definition_of_an_own_class_is_shown(tmp_path, capsys) -> None:
    notebook = written(
        tmp_path / "02_modules.ipynb",
        "class MixFFN:\n    old = 1",
        "%matplotlib inline",
        "x = 1\nclass MixFFN:\n    a = 2",
    )
    show_own_class("MixFFN", notebook)
    assert capsys.readouterr().out == "class MixFFN:\n    a = 2\n"


def test_why_there_is_nothing_to_show_is_a_sentence(tmp_path, capsys) -> None:
    show_own_class("MixFFN", tmp_path / "missing.ipynb")
    assert "nothing to show, write MixFFN here." in capsys.readouterr().out
    notebook = written(tmp_path / "02_modules.ipynb", "class MLPDecoder:\n    raise NotImplementedError('Task 2.5')")
    with pytest.raises(CourseError, match="MLPDecoder is not finished"):
        own_class("MLPDecoder", notebook)
    with pytest.raises(CourseError, match="defines no class MixFFN"):
        own_class("MixFFN", notebook)
