"""What `run_autograder` does: grades the submission in Gradescope's folders and writes `results/results.json`."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import torch

from autograder.files import write_whole
from autograder.gradescope.results import as_results, for_the_instructor
from autograder.gradescope.settings import BUBBLEWRAP, OTHER_USER, SECRET_FILE, SETTINGS_FILE, GradescopeSettings
from autograder.gradescope.submission import read_metadata
from autograder.grading.hidden_session import HiddenTests
from autograder.grading.notebook import Settings, bonus_tasks, grade_notebook, task_points, verdict_basis
from autograder.grading.verdicts import Verdict, content_key, unreadable_verdict
from autograder.paths import HIDDEN_TESTS, NOTEBOOKS, SOLUTIONS
from autograder.sandbox import Bubblewrap, Limits, Sandbox, require_sandbox
from autograder.sandbox.limits import MIB
from autograder.sandbox.other_user import WEAKER, OtherUser, require_other_user
from autograder.triage import TriagedNotebook, TriagedSubmission, read_released, triage_submission
from segkit.errors import CourseError
from segkit.student import code_cells


def run(root: Path) -> None:
    """Grade `root/submission`; `root` is what Gradescope calls `/autograder`.

    What is printed is for the instructor only. Without a `results.json` Gradescope says that the autograder failed, and
    gives no marks.

    Raises:
        CourseError: if nothing could be graded, which is no student's doing.
    """
    started, source, results = time.monotonic(), root / "source", root / "results" / "results.json"
    results.parent.mkdir(exist_ok=True)
    results.unlink(missing_ok=True)
    for folder, mode in ((source, 0o700), (results.parent, 0o755)):
        folder.chmod(mode)  # whoever unpacked the zip may have let everybody read it
    settings = GradescopeSettings.read(source / SETTINGS_FILE)
    torch.set_num_threads(1)
    with _sandbox(settings, source) as (sandbox, weaker), _placed(root / "submission", settings.assignment) as folder:
        submission = triage_submission(folder, read_released(NOTEBOOKS / settings.assignment))
        verdicts = _grade(submission, settings, _secret(source), sandbox)
    metadata = read_metadata(root / "submission_metadata.json")
    print("\n".join(for_the_instructor(settings, verdicts, submission.notes, metadata, weaker)))
    found = as_results(settings, verdicts, metadata, weaker, seconds=time.monotonic() - started)
    write_whole(results, json.dumps(found, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def _sandbox(settings: GradescopeSettings, source: Path) -> Iterator[tuple[Sandbox, str | None]]:
    """Where student code runs, and in what that is weaker than it should be."""
    refused = "the zip was built so"
    if settings.sandbox != OTHER_USER:
        try:
            require_sandbox()
        except CourseError as error:
            if settings.sandbox == BUBBLEWRAP:
                raise
            refused = str(error).removeprefix("Nothing was graded: ")
        else:
            yield Bubblewrap(), None
            return
    require_other_user([source / SECRET_FILE, HIDDEN_TESTS, SOLUTIONS])
    with tempfile.TemporaryDirectory(prefix="course-") as course:
        shutil.copytree(NOTEBOOKS / "segkit", Path(course) / "segkit")
        Path(course).chmod(0o755)
        yield OtherUser(Path(course)), f"{WEAKER} Why: {refused}"


@contextmanager
def _placed(submission: Path, assignment: str) -> Iterator[Path]:
    """A copy of what was handed in, where triage looks for it: it also looks at what stands beside the folder."""
    with tempfile.TemporaryDirectory(prefix="handed-in-") as student:
        folder = Path(student) / assignment
        if submission.is_dir():
            with suppress(shutil.Error):  # what is no ordinary file is not copied; links are, and not followed
                shutil.copytree(submission, folder, symlinks=True)
        yield folder


def _secret(source: Path) -> bytes:
    secret = (source / SECRET_FILE).read_bytes().strip()
    if not secret:
        raise CourseError("The zip holds no secret: build it again.")
    return secret


def _grade(
    submission: TriagedSubmission, settings: GradescopeSettings, secret: bytes, sandbox: Sandbox
) -> list[Verdict]:
    limits = Limits(notebook=settings.seconds_per_notebook, memory=settings.memory_mib * MIB)
    how = Settings(secret, limits=limits, sandbox=sandbox)
    cells = {
        name: code_cells(triaged.notebook)
        for name, triaged in submission.notebooks.items()
        if triaged.unreadable is None
    }
    with HiddenTests(settings.assignment) as hidden_tests:
        return [
            replace(
                grade_notebook(settings.assignment, name, cells, how, hidden_tests=hidden_tests),
                repairs=triaged.repairs,
            )
            if triaged.unreadable is None
            else _unreadable(triaged, settings.assignment, how)
            for name, triaged in submission.notebooks.items()
            if task_points(settings.assignment, name)
        ]


def _unreadable(triaged: TriagedNotebook, assignment: str, settings: Settings) -> Verdict:
    basis, points = verdict_basis(assignment, content_key({}), settings), task_points(assignment, triaged.name)
    bonuses = bonus_tasks(assignment, triaged.name)
    return unreadable_verdict(assignment, triaged.name, basis, points, triaged.unreadable, triaged.repairs, bonuses)
