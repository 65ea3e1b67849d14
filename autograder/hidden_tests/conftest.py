"""Fixtures and options of the hidden tests.

`pytest autograder/hidden_tests --candidate solutions [--device cuda]` holds the reference, run in a worker process,
against the reference in this one. The grader runs the same tests with a submission's cells instead.
"""

from pathlib import Path

import pytest

from autograder.examination import Examination
from autograder.grading import EXAMINATION
from autograder.submissions import candidate_cells


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hidden tests")
    group.addoption("--candidate", default="solutions", help="folder of sources (.py) or notebooks (.ipynb) to test")
    group.addoption("--device", default="cpu", help="where the candidate computes: cpu, cuda, cuda:1, mps")
    group.addoption("--secret", default="public", help="secret from which the cases are drawn")
    group.addoption("--case", default=0, type=int, help="number of the case in the pool")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "graded(title, share): a property that a task's points are shared among")


@pytest.fixture(scope="session")
def examinations(request: pytest.FixtureRequest):
    """The code under test by assignment: from the grader, or from the command line."""
    given = request.config.stash.get(EXAMINATION, None)
    opened = {given.assignment: given} if given else {}
    yield opened
    for examination in opened.values():
        if examination is not given:
            examination.__exit__()


@pytest.fixture
def examination(request: pytest.FixtureRequest, examinations: dict[str, Examination]) -> Examination:
    """The code under test for the assignment in whose folder the test stands."""
    assignment = request.path.parent.name
    if assignment not in examinations:
        option = request.config.getoption
        cells = candidate_cells(Path(option("--candidate")), assignment)
        secret = option("--secret").encode()
        examinations[assignment] = Examination(assignment, cells, secret, option("--case"), option("--device"))
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
