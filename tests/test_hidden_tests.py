"""The hidden tests are right themselves: the reference and other right answers pass, each mistake fails what it should.

Everything runs in this process (see `answers.LocalWorker`): the sandbox has tests of its own.
"""

from collections import Counter

import pytest
from answers import SECRET, Code, cells_with, findings, hidden_tests, judgements, sources
from right_answers import RIGHT_ANSWERS
from wrong_answers import WRONG_ANSWERS, Wrong

from autograder.paths import NOTEBOOKS
from autograder.submissions import candidate_cells
from segkit.checking.public import tasks_of

TASKS = list(tasks_of("segformer"))
SECRETS = [b"one", b"another", b"a third"]
COMPOSED = ["encoder_layer", "segformer", "mean_iou", "training_step", "worst_images"]

pytestmark = pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")


@pytest.mark.parametrize("secret", SECRETS, ids=bytes.decode)
@pytest.mark.parametrize("task", TASKS)
def test_reference_passes(task: str, secret: bytes) -> None:
    assert findings(task, cells_with(), secret, case=SECRETS.index(secret)) == {}


@pytest.mark.parametrize("task", TASKS)
def test_untouched_release_passes_nothing(task: str) -> None:
    found = findings(task, candidate_cells(NOTEBOOKS, "segformer"))
    assert found.keys() == hidden_tests(task).keys()
    assert all("not written yet (Task " in sentence for sentence in found.values())


@pytest.mark.parametrize("secret", SECRETS, ids=bytes.decode)
@pytest.mark.parametrize("task", COMPOSED)
def test_reference_passes_without_doubles(task: str, secret: bytes) -> None:
    """Every case must be one that the whole reference can answer: a submission may be held against it."""
    assert findings(task, cells_with(), secret, doubles=False) == {}


@pytest.mark.parametrize("wrong", WRONG_ANSWERS, ids=lambda wrong: f"{wrong.task}: {wrong.what}")
def test_mistake_fails_the_tests_that_it_concerns_and_no_others(wrong: Wrong) -> None:
    found = findings(wrong.task, cells_with(wrong.changes))
    by_a_hair = set(wrong.perhaps.split())
    assert set(found) - by_a_hair == wrong.failing() - by_a_hair
    for sentence in found.values():
        assert sentence[0].isupper() and sentence.endswith((".", "?")) and "Traceback" not in sentence


@pytest.mark.parametrize(("task", "style"), RIGHT_ANSWERS)
def test_right_answer_in_another_style_passes(task: str, style: str) -> None:
    for case in range(3):
        assert findings(task, cells_with([RIGHT_ANSWERS[task, style]]), case=case) == {}


EARLIER = [
    ("attention: scaled by all channels", "encoder_layer"),
    ("mix_ffn: a residual inside", "encoder_layer"),
    ("patch_merging: no normalisation", "encoder_layer"),
    ("encoder_layer: no final norm", "segformer"),
    ("decoder: nearest", "segformer"),
    ("training_step: divided by all pixels", "mean_iou"),
    ("mean_iou: rows and columns exchanged", "worst_images"),
    ("mean_iou: absent classes counted as 0", "worst_images"),
]


@pytest.mark.parametrize(("mistake", "later"), EARLIER)
def test_an_earlier_mistake_costs_nothing_in_a_later_task(mistake: str, later: str) -> None:
    (wrong,) = [wrong for wrong in WRONG_ANSWERS if f"{wrong.task}: {wrong.what}" == mistake]
    assert findings(later, cells_with(wrong.changes)) == {}


def test_a_secret_and_a_case_change_what_is_asked() -> None:
    """Same task, other numbers: what a student sees of one case says nothing about another."""
    seen = {judgements("label_mapping", secret, case)["plants"] for secret in (SECRET, b"another") for case in (0, 1)}
    assert len(seen) == 4
    assert judgements("label_mapping", SECRET, 0)["plants"] in seen


@pytest.mark.parametrize("task", TASKS)
def test_tests_have_titles_and_shares_and_each_finds_something(task: str) -> None:
    marks = {name: test.pytestmark[0].kwargs for name, test in hidden_tests(task).items()}
    assert len({mark["title"] for mark in marks.values()}) == len(marks) >= 4
    assert all(mark["share"] > 0 for mark in marks.values())
    mistakes = [wrong for wrong in WRONG_ANSWERS if wrong.task == task]
    assert len(mistakes) >= 3
    finders = Counter(name for wrong in mistakes for name in wrong.failing())
    idle = set(marks) - set(finders)
    assert not idle, f"no mistake in the table is found by {idle}"


FUNCTIONS = {
    "map_labels": "label_mapping", "joint_transform": "joint_transform", "class_shares": "class_balance",
    "confusion_matrix": "mean_iou", "mean_iou": "mean_iou", "evaluate": "mean_iou",
    "segmentation_loss": "training_step", "training_step": "training_step",
    "predict_full_resolution": "prediction", "per_class_iou": "per_class_iou", "worst_images": "worst_images",
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
    (notebook,) = [
        name
        for name, source in sources().items()
        if any(cell.id == function for cell in source.cells if cell.role == "stub")
    ]
    for answer in ODD_ANSWERS:
        text = f"def {function}(*args, **kwargs):\n    return {answer}"
        found = findings(FUNCTIONS[function], cells_with([Code(notebook, text)]))
        assert found, f"{function} may return {answer}"
