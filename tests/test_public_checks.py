"""`check(...)` in a notebook: right answers pass, stubs and mistakes fail with a sentence, nothing is left behind."""

import pytest
from answers import assignment_of, cells_with, mistake_named
from right_answers import RIGHT_ANSWERS

from autograder.grading.examination import notebook_of
from autograder.misconceptions import Misconception, misconceptions_of
from autograder.misconceptions.variants import sources
from autograder.paths import NOTEBOOKS
from autograder.sandbox import Submission
from autograder.sources import CHECKS, assignments
from autograder.submissions import candidate_cells
from autograder.trusted import TrustedWorker
from segkit.checking.notebook import CheckFailed, Report, check, run_task
from segkit.checking.public import load_recorded, recorded_path, tasks_of
from segkit.student import Cell

TASKS = {task: found for assignment in assignments() for task, found in tasks_of(assignment).items()}
CATALOGUE = [mistake for task in TASKS for mistake in misconceptions_of(assignment_of(task), task)]

pytestmark = pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")


def names_of(task: str, cells: dict[str, list[Cell]]) -> dict:
    """The names of the notebook of a task, as they stand in a kernel."""
    assignment = assignment_of(task)
    worker = TrustedWorker(Submission(assignment, notebook_of(assignment, task), cells))
    return vars(worker.module)


def cells_of(task: str, changes=()) -> dict[str, list[Cell]]:
    return cells_with(changes, assignment_of(task))


def report_of(task: str, cells: dict[str, list[Cell]]) -> Report:
    return run_task(task, names_of(task, cells))


def problems(report: Report) -> list[str]:
    return [outcome.problem for outcome in report.outcomes if outcome.problem]


def test_tasks_are_those_of_the_notebooks_in_their_order() -> None:
    found = [source for assignment in assignments() for source in sources(assignment).values()]
    assert list(TASKS) == [task for source in found for task in source.points(*CHECKS)]


@pytest.mark.parametrize("task", TASKS)
def test_reference_passes(task: str) -> None:
    report = report_of(task, cells_of(task))
    assert problems(report) == []
    recorded = load_recorded(recorded_path(assignment_of(task), task))
    assert f"the {recorded.points:g} {'bonus ' * recorded.bonus}points of this task" in report.closing


@pytest.mark.parametrize("task", TASKS)
def test_every_check_cell_asserts_something(task: str) -> None:
    recorded = load_recorded(recorded_path(assignment_of(task), task))
    assert len(recorded.answers) == len(TASKS[task].checks) > 0
    assert all(recorded.answers)
    (notebook,) = [source for source in sources(assignment_of(task)).values() if task in source.points(*CHECKS)]
    (cell,) = [cell for cell in notebook.cells if cell.role in CHECKS and cell.id == task]
    assert cell.source == f'check("{task}")'


INHERITS_FROM = {"fast_decoder": "2.5"}  # whose constructor is not written either, and comes first


@pytest.mark.parametrize("task", TASKS)
def test_untouched_stub_fails_with_the_task_s_name(task: str) -> None:
    report = report_of(task, candidate_cells(NOTEBOOKS, assignment_of(task)))
    number = INHERITS_FROM.get(task, TASKS[task].title.split()[0])
    assert len(problems(report)) == len(report.outcomes) > 0
    for problem in problems(report):
        assert f"not written yet (Task {number}" in problem


# The public checks cannot tell these from another misconception, so they give no hint at all.
ALIKE_IN_PUBLIC = {
    "worst_images: by the share of right pixels",
    "worst_images: absent classes counted as 0",
    "worst_images: unlabelled images are the worst",
}


@pytest.mark.parametrize("mistake", CATALOGUE, ids=lambda mistake: f"{mistake.task}: {mistake.name}")
def test_mistake_is_seen_and_gets_its_hint(mistake: Misconception) -> None:
    report = report_of(mistake.task, cells_of(mistake.task, mistake.changes))
    assert bool(problems(report)) == mistake.public
    hints = {outcome.hint for outcome in report.outcomes if outcome.problem}
    told = mistake.public and not mistake.random and f"{mistake.task}: {mistake.name}" not in ALIKE_IN_PUBLIC
    assert hints == ({f"{mistake.symptom} {mistake.hint}"} if told else {None} if mistake.public else set())
    for text in (str(report), report._repr_html_()):
        assert "Traceback" not in text and "checking" not in text
    for problem in problems(report):
        assert problem[0].isupper() and problem.endswith((".", "?"))


@pytest.mark.parametrize(("task", "style"), RIGHT_ANSWERS)
def test_right_answer_in_another_style_passes(task: str, style: str) -> None:
    assert problems(report_of(task, cells_of(task, [RIGHT_ANSWERS[task, style]]))) == []


SENTENCES = {
    "label_mapping: labels 1..4 instead of 0..3": "Every label is 1 too large.",
    "label_mapping: boats (77) forgotten": "yours at [77] is 0, right is 3.",
    "joint_transform: a coin for the image and another one for the mask": "whose image and target are flipped alike is",
    "joint_transform: only the image is flipped": "The target has the right shape (12, 12)",
    "joint_transform: nearest as Pillow does it": "The target is [[1, 1, 1, 1]]; right is [[0, 1, 3, 255]].",
    "joint_transform: not normalised": "look at the normalisation",
    "joint_transform: the target stays uint8": "this does not hold: the target's dtype is int64",
    "class_balance: ignored pixels stay below the line": "[0.5, 0.16667, 0, 0.16667]; right is [0.6, 0.2, 0, 0.2].",
    "mean_iou: rows and columns exchanged": "It is the right answer with rows and columns exchanged.",
    "mean_iou: absent classes counted as 0": "Your mean IoU is 0.47222; right is 0.70833.",
    "mean_iou: averaged over batches": "times the right answer",
    "mean_iou: left in evaluation mode": "does not hold: a model in training mode is in training mode afterwards",
    "training_step: NaN for a batch without labels": "The loss is NaN; right is 0.",
    "training_step: returns nothing": "is None; a number was expected: is there a return?",
    "training_step: cut off from the logits": "No gradient flows back from the answer",
    "prediction: labels enlarged, not logits": "is [[0, 0, 0, 0, 1, 1, 1, 1]]; right is [[0, 0, 0, 0, 0, 1, 1, 1]].",
    "prediction: an image without a batch": "The model wants a batch of images (B, C, H, W) and was given",
    "per_class_iou: absent classes 0": "[0.5, 0.66667, 0]; right is [0.5, 0.66667, NaN].",
    "worst_images: the best first": "The list of indices is [0, 2, 1]; right is [3, 1, 2].",
}


@pytest.mark.parametrize("mistake", SENTENCES)
def test_sentence_names_what_differs(mistake: str) -> None:
    task, _, _ = mistake.partition(": ")
    found = problems(report_of(task, cells_of(task, mistake_named(mistake).changes)))
    assert any(SENTENCES[mistake] in problem for problem in found), found


@pytest.mark.parametrize("task", TASKS)
def test_names_are_as_before_afterwards(task: str) -> None:
    names = names_of(task, cells_of(task))
    before = dict(names)
    run_task(task, names)
    assert names.keys() == before.keys()
    assert all(names[name] is before[name] for name in before)


def test_check_shows_a_report_and_stops_run_all_with_one_sentence(capsys) -> None:
    names = {**names_of("mean_iou", cells_of("mean_iou")), "check": check}
    exec("check('mean_iou')", names)
    assert "✓ evaluate: batches of 2, 2 and 1 images" in capsys.readouterr().out
    names["mean_iou"] = lambda confusion: confusion.diagonal().sum() / confusion.sum()
    with pytest.raises(CheckFailed, match=r'^Task "mean_iou": mean_iou: two classes with IoU 1/2: Your mean IoU is'):
        exec("check('mean_iou')", names)
    assert "✗ mean_iou: two classes with IoU 1/2" in capsys.readouterr().out


def test_unknown_task_is_named_with_those_that_exist() -> None:
    with pytest.raises(CheckFailed, match=r'There is no task "atention" to check: the tasks are .*\battention\b'):
        run_task("atention", {})
