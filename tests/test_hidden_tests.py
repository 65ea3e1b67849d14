"""The hidden tests are right themselves: the reference and other right answers pass, a stub passes nothing.

That each mistake fails what it should is for test_misconceptions.py. Everything runs in this process (see
`autograder.trusted`): the sandbox has tests of its own.
"""

import pytest
from answers import SECRET, assignment_of, cells_with, findings, hidden_tests, judgements, mistake_named
from right_answers import RIGHT_ANSWERS

from autograder.grading.cases import POOL_SIZE
from autograder.grading.examination import notebook_of
from autograder.misconceptions import Code
from autograder.paths import NOTEBOOKS
from autograder.sources import assignments
from autograder.submissions import candidate_cells
from segkit.checking.public import tasks_of
from segkit.errors import CourseError

TASKS = [task for assignment in assignments() for task in tasks_of(assignment)]
SECRETS = [b"one", b"another", b"a third"]
COMPOSED = [
    "pixel_linear", "encoder_layer", "segformer", "mean_iou", "training_step", "worst_images", "pet_segformer",
    "validation", "augment",
]  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")


def cells_of(task: str, changes=()) -> dict:
    return cells_with(changes, assignment_of(task))


def test_hidden_tests_without_a_check_cell_are_told_where_it_belongs() -> None:
    with pytest.raises(CourseError, match="no notebook of intro has a check cell with that id: add one"):
        notebook_of("intro", "not_yet_there")


@pytest.mark.parametrize("secret", SECRETS, ids=bytes.decode)
@pytest.mark.parametrize("task", TASKS)
def test_reference_passes(task: str, secret: bytes) -> None:
    assert findings(task, cells_of(task), secret, case=SECRETS.index(secret)) == {}


@pytest.mark.parametrize("task", TASKS)
def test_untouched_release_passes_nothing(task: str) -> None:
    found = findings(task, candidate_cells(NOTEBOOKS, assignment_of(task)))
    assert found.keys() == hidden_tests(task).keys()
    assert all("not written yet (Task " in sentence for sentence in found.values())


@pytest.mark.parametrize("secret", SECRETS, ids=bytes.decode)
@pytest.mark.parametrize("task", COMPOSED)
def test_reference_passes_without_doubles(task: str, secret: bytes) -> None:
    """Every case must be one that the whole reference can answer: a submission may be held against it."""
    assert findings(task, cells_of(task), secret, doubles=False) == {}


@pytest.mark.parametrize(("task", "style"), RIGHT_ANSWERS)
def test_right_answer_in_another_style_passes(task: str, style: str) -> None:
    case = len(style) % POOL_SIZE  # `benchmarks/verdicts.py` tries many more
    assert findings(task, cells_of(task, [RIGHT_ANSWERS[task, style]]), case=case) == {}


EARLIER = [
    ("attention: scaled by all channels", "encoder_layer"),
    ("normalize_channels: each image by itself", "pixel_linear"),
    ("mix_ffn: a residual inside", "encoder_layer"),
    ("patch_merging: no normalisation", "encoder_layer"),
    ("encoder_layer: no final norm", "segformer"),
    ("decoder: nearest", "segformer"),
    ("training_step: divided by all pixels", "mean_iou"),
    ("mean_iou: rows and columns exchanged", "worst_images"),
    ("mean_iou: absent classes counted as 0", "worst_images"),
    ("segmentation_metric: ignored pixels counted as class 0", "validation"),
    ("transformer_block: not scaled", "pet_segformer"),
    ("segformer_head: nearest", "pet_segformer"),
    ("crop_pair: the mask filled with 0", "augment"),
    ("photometric: brightness is added", "augment"),
]


@pytest.mark.parametrize(("mistake", "later"), EARLIER)
def test_an_earlier_mistake_costs_nothing_in_a_later_task(mistake: str, later: str) -> None:
    assert findings(later, cells_of(later, mistake_named(mistake).changes)) == {}


def test_a_secret_and_a_case_change_what_is_asked() -> None:
    """Same task, other numbers: what a student sees of one case says nothing about another."""
    seen = {judgements("label_mapping", secret, case)["plants"] for secret in (SECRET, b"another") for case in (0, 1)}
    assert len(seen) == 4
    assert judgements("label_mapping", SECRET, 0)["plants"] in seen


@pytest.mark.parametrize("task", TASKS)
def test_tests_have_titles_and_shares(task: str) -> None:
    marks = [test.pytestmark[0].kwargs for test in hidden_tests(task).values()]
    assert len({mark["title"] for mark in marks}) == len(marks) >= 4
    assert all(mark["share"] > 0 for mark in marks)


FUNCTIONS = {
    "image_to_patches": "image_to_patches", "normalize_channels": "normalize_channels",
    "map_labels": "label_mapping", "joint_transform": "joint_transform", "class_shares": "class_balance",
    "confusion_matrix": "mean_iou", "mean_iou": "mean_iou", "evaluate": "mean_iou",
    "segmentation_loss": "training_step", "training_step": "training_step",
    "pet_classes": "pet_classes", "train_ids": "train_ids", "resize_pair": "resize_pair",
    "SegmentationMetric": "segmentation_metric",
    "predict_full_resolution": "prediction", "per_class_iou": "per_class_iou", "worst_images": "worst_images",
    "replace_head": "fcn_head", "freeze_encoder": "frozen_encoder", "build_optimizer": "trainable_optimizer",
    "load_encoder": "encoder_weights", "validate": "validation",
    "confusion_shares": "class_shares", "roc_curve": "roc_curve", "attention_cost": "attention_cost",
    "class_balanced_weights": "class_balanced_weights", "crop_pair": "crop_pair", "photometric": "photometric",
    "augment": "augment", "poly_restarts": "poly_restarts", "ohem_loss": "ohem_loss",
    "auxiliary_loss": "auxiliary_head", "channel_distillation": "distillation",
    "multi_scale": "multi_scale", "pareto_front": "pareto_front",
}  # fmt: skip
ODD_ANSWERS = [
    "None", "'text'", "3", "10**30", "float('nan')", "[]", "()", "{}", "object()", "[1, None]", "[[1, 2], [3]]",
    "[10**30]", "torch.ones(0)", "torch.ones(0, 3)", "torch.ones(3, dtype=torch.complex64)", "torch.tensor(True)",
    "torch.eye(4).to_sparse()", "torch.ones(2, device='meta')", "(torch.ones(0), torch.ones(2))",
    "(torch.ones(3, 4, 4), torch.zeros(4, 4))", "(torch.full((3, 12, 12), torch.nan), 'text')", "[torch.ones(2)]",
    "args[0]", "(args[0], args[-1])", "torch.ones(4, 4, dtype=torch.uint16)",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_whatever_a_function_returns_is_found_wrong_and_breaks_no_test(function: str) -> None:
    """Any other exception than a finding would be taken for a broken hidden test, and stop the grading of everybody."""
    task = FUNCTIONS[function]
    notebook = notebook_of(assignment_of(task), task)
    for answer in ODD_ANSWERS:
        text = f"def {function}(*args, **kwargs):\n    return {answer}"
        found = findings(task, cells_of(task, [Code(notebook, text)]))
        assert found, f"{function} may return {answer}"
