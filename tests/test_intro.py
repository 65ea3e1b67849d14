"""The warm-up, a second assignment: wrong answers, right ones in other styles, and the engine that knows neither.

Everything but the last test runs in this process (see `answers.TrustedWorker`).
"""

import pytest
from answers import cells_with, findings, mistake_named

from autograder.grading.notebook import Settings, grade_notebook
from autograder.misconceptions import Code, Misconception, misconceptions_of
from autograder.paths import HIDDEN_TESTS, NOTEBOOKS
from autograder.sandbox import Submission
from autograder.sources import AUTOMATIC, read_sources
from autograder.trusted import TrustedWorker
from segkit.checking.notebook import run_task
from segkit.checking.public import ASSIGNMENTS

ASSIGNMENT, NOTEBOOK = "intro", "01_warmup"
NORMALISES_BY_ITSELF = """
class PixelLinear(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.map = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x):
        return self.map(F.batch_norm(x, None, None, training=True))
"""


def cells(*changes) -> dict:
    return cells_with(changes, ASSIGNMENT)


def problems(task: str, submitted: dict) -> list[str]:
    """What the public checks of a task find."""
    worker = TrustedWorker(Submission(ASSIGNMENT, NOTEBOOK, submitted))
    return [outcome.problem for outcome in run_task(task, vars(worker.module)).outcomes if outcome.problem]


def test_a_normalisation_of_its_own_counts_in_pixel_linear() -> None:
    """Stand-ins cannot reach it, so it is held against the whole reference."""
    assert findings("pixel_linear", cells(Code(NOTEBOOK, NORMALISES_BY_ITSELF))) == {}


@pytest.mark.parametrize(
    "mistake", misconceptions_of(ASSIGNMENT, "normalize_channels"), ids=lambda mistake: mistake.name
)
def test_an_earlier_mistake_costs_nothing_in_pixel_linear(mistake: Misconception) -> None:
    assert findings("pixel_linear", cells(*mistake.changes)) == {}
    assert problems("pixel_linear", cells(*mistake.changes)) == []


def test_it_needs_nothing_of_the_other_assignment() -> None:
    assert ASSIGNMENT in ASSIGNMENTS
    folders = (HIDDEN_TESTS / ASSIGNMENT, NOTEBOOKS / "segkit" / "tasks" / ASSIGNMENT)
    texts = {path: path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("*.py")}
    assert {path.parent for path in texts} == set(folders)
    assert [path for path, text in texts.items() if "segformer" in text.lower()] == []


def test_a_submission_is_graded_in_a_worker_process() -> None:
    [source] = read_sources(ASSIGNMENT)
    mistake = mistake_named("normalize_channels: each image by itself").changes
    verdict = grade_notebook(ASSIGNMENT, NOTEBOOK, cells(*mistake), Settings(b"secret"))
    assert verdict.problems == []
    points = {task: graded.points for task, graded in verdict.tasks.items()}
    worth = source.points(AUTOMATIC)
    left = round(worth["normalize_channels"] * 2 / 3, 2)  # it costs the batch, 1 of 3 shares
    assert points == worth | {"normalize_channels": left}
