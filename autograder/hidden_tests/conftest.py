"""Fixtures and options of the hidden tests.

`pytest autograder/hidden_tests --candidate solutions [--device cuda]` holds the reference, run in a worker process,
against the reference in this one. The grader runs the same tests with a submission's cells instead.
"""

from functools import partial
from pathlib import Path

import pytest

from autograder.grading.cases import POOL_SIZE
from autograder.grading.examination import Examination
from autograder.grading.hidden_session import EXAMINATION
from autograder.sandbox import Bubblewrap, Limits, NoSandbox, Worker, require_device, require_sandbox
from autograder.submissions import candidate_cells
from segkit.errors import CourseError


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hidden tests")
    group.addoption("--candidate", default="solutions", help="folder of sources (.py) or notebooks (.ipynb) to test")
    group.addoption("--device", default="cpu", help="where the candidate computes: cpu, cuda, cuda:1, mps")
    group.addoption("--secret", default="public", help="secret from which the cases are drawn")
    group.addoption("--case", default=0, type=int, help=f"number of the case in the pool, 0 to {POOL_SIZE - 1}")
    group.addoption(
        "--unsafe-no-sandbox", action="store_true", help="run the candidate in an ordinary process: trusted code only"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "graded(title, share): a property that a task's points are shared among")
    if EXAMINATION in config.stash:
        return
    if not 0 <= config.getoption("--case") < POOL_SIZE:
        raise pytest.UsageError(f"--case {config.getoption('--case')}: the pool's cases are 0 to {POOL_SIZE - 1}.")
    try:
        require_device(config.getoption("--device"))
        if config.getoption("--unsafe-no-sandbox"):
            print("UNSAFE: the candidate runs without a sandbox, as an ordinary process. For trusted code only.")
        else:
            require_sandbox()
    except CourseError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture(scope="session")
def examinations():
    """The code under test by assignment, as the command line names it."""
    opened: dict[str, Examination] = {}
    yield opened
    for examination in opened.values():
        examination.__exit__()


@pytest.fixture
def examination(request: pytest.FixtureRequest, examinations: dict[str, Examination]) -> Examination:
    """The code under test for the assignment in whose folder the test stands: the grader's, or the command line's."""
    if given := request.config.stash.get(EXAMINATION, None):
        return given
    assignment = request.path.parent.name
    if assignment not in examinations:
        option = request.config.getoption
        try:
            cells = candidate_cells(Path(option("--candidate")), assignment)
        except CourseError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
        secret = option("--secret").encode()
        sandbox = NoSandbox() if option("--unsafe-no-sandbox") else Bubblewrap()
        examinations[assignment] = Examination(
            assignment,
            cells,
            secret,
            option("--case"),
            option("--device"),
            Limits(),
            partial(Worker, sandbox=sandbox),
        )
    return examinations[assignment]


@pytest.fixture
def judge(request: pytest.FixtureRequest, examination: Examination):
    """Holds the candidate against the reference."""
    return examination.judge(_task(request), request.node.name)


@pytest.fixture
def draw(request: pytest.FixtureRequest, examination: Examination):
    """Secret numbers and choices of this test."""
    return examination.draw(_task(request), request.node.name)


def _task(request: pytest.FixtureRequest) -> str:
    return request.path.stem.removeprefix("test_")
