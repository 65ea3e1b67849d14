"""What `nbgrader autograde` refuses, is interrupted at, or goes on without: one sentence, and nothing half done.

Most of them run in forks of one process, since importing torch takes longer than refusing.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from intro_course import (
    ASSIGNMENT,
    NOTEBOOK,
    autograde,
    autograde_command,
    environment,
    gradebook_contents,
    open_intro,
    worth,
)
from nbgrader.api import Gradebook

from autograder.completion import Mistake
from autograder.course.alone import LOCK
from autograder.course.course import Course
from autograder.course.run_record import LAST_RUN
from autograder.course.up_to_date import DONE
from autograder.grading.cases import SECRET_FILE
from autograder.sources import AUTOMATIC

# Right as well, but other content: what was found of ada's is not found for bo's.
LINEAR = "nn.Linear(in_channels, out_channels"
OTHERWISE = Mistake("the bias named", NOTEBOOK, "PixelLinear", f"{LINEAR})", f"{LINEAR}, bias=True)")


@pytest.fixture(scope="module", autouse=True)
def no_secret_in_the_environment():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COURSE_SECRET", raising=False)
        yield


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Course:
    """A released course with two submissions that nobody has graded yet: copy it."""
    return open_intro(tmp_path_factory.mktemp("refusals") / "course", {"ada": [], "bo": [OTHERWISE]})


def copy(course: Course, root: Path) -> Course:
    shutil.copytree(course.root, root, symlinks=True)
    return Course(root, course.assignment)


def contents(course: Course) -> dict[Path, bytes | None]:
    """All files of a course, and its folders; without the lock, which says nothing by being there."""
    paths = [path for path in course.root.rglob("*") if path.name != LOCK]
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


def edit_the_release(course: Course) -> None:
    path = course.root / "notebooks" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += "\nRead this first."
    nbformat.write(notebook, path)


def forget_the_assignment(course: Course) -> None:
    with Gradebook(course.db_url) as gradebook:
        gradebook.remove_assignment(ASSIGNMENT)
        gradebook.add_assignment("another")


def remove_the_gradebook(course: Course) -> None:
    (course.root / "gradebook.db").unlink()


def replace_the_gradebook_by_a_folder(course: Course) -> None:
    remove_the_gradebook(course)
    (course.root / "gradebook.db").mkdir()


def replace_the_gradebook_by_a_text(course: Course) -> None:
    (course.root / "gradebook.db").write_text("Marks: see the other folder.\n" * 9)


def put_a_file_where_autograded_belongs(course: Course) -> None:
    (course.root / "autograded").write_text("")


def put_a_file_where_verdicts_belong(course: Course) -> None:
    (course.root / "verdicts").write_text("")


def make_the_secret_a_folder(course: Course) -> None:
    (course.root / SECRET_FILE).mkdir()


def make_the_secret_empty(course: Course) -> None:
    (course.root / SECRET_FILE).write_text("\n")


def nothing(course: Course) -> None:
    """What is wrong is done to it from outside."""


BOOK = "Nothing was graded: the gradebook {root}/gradebook.db cannot be written to"
THEN = "Look at its permissions, close what else uses it, and run this again."
REFUSALS: dict[str, tuple[Callable[[Course], None], str]] = {
    "release-edited": (
        edit_the_release,
        "Nothing was graded: 01_warmup.ipynb in {root}/notebooks/intro was edited or run since it was built, and "
        "submissions are held against it. Move it elsewhere and run `make release ASSIGNMENT=intro`.",
    ),
    "assignment-unknown": (
        forget_the_assignment,
        "The gradebook in {root} does not know intro, only another: say --assignment=another if you mean that "
        "one, or run `make release ASSIGNMENT=intro` first.",
    ),
    "gradebook-missing": (
        remove_the_gradebook,
        "There is no gradebook in {root}: run `make release` first, or go to your course.",
    ),
    "gradebook-is-a-folder": (
        replace_the_gradebook_by_a_folder,
        f"{BOOK} (unable to open database file). {THEN}",
    ),
    "gradebook-is-none": (replace_the_gradebook_by_a_text, f"{BOOK} (file is not a database). {THEN}"),
    "gradebook-read-only": (nothing, f"{BOOK} (attempt to write a readonly database). {THEN}"),
    "autograded-is-a-file": (
        put_a_file_where_autograded_belongs,
        "Nothing was graded: the folder {root}/autograded may not be written to (Not a directory).",
    ),
    "verdicts-is-a-file": (
        put_a_file_where_verdicts_belong,
        "Nothing was graded: the folder {root}/verdicts may not be written to (Not a directory).",
    ),
    "secret-is-a-folder": (
        make_the_secret_a_folder,
        "The course's secret {root}/.course_secret cannot be read or made (Is a directory).",
    ),
    "secret-empty": (
        make_the_secret_empty,
        "The course's secret {root}/.course_secret is empty: delete it, and the next run makes a new one.",
    ),
    "another-run": (
        nothing,
        "Another run is grading in {root}: wait until it has ended, then run this again.",
    ),
}

# Appended to the course's nbgrader_config.py, which nbgrader executes: a disk that cannot read one file.
A_BAD_BLOCK = """
import errno, shutil
def copy(source, target, whole=shutil.copy):
    if str(source).endswith("results.csv"):
        raise OSError(errno.EIO, "Input/output error")
    return whole(source, target)
shutil.copy = copy
"""


def break_the_disk(course: Course) -> None:
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write(A_BAD_BLOCK)
    submitted = course.root / "submitted"
    for student, name in (("ada", "results.csv"), ("bo", "table.csv")):
        (submitted / student / ASSIGNMENT / name).write_text("1,2\n")
    (submitted / "ada" / ASSIGNMENT / "timestamp.txt").write_text("the day before yesterday\n")


# `nbgrader autograde` in each of these folders; prints the exit status of each.
RUN_IN_ALL = """
import json, os, sys
from nbgrader.apps.nbgraderapp import main
import autograder.nbgrader_plugin
assignment, *folders = sys.argv[1:]
found = {}
for folder in folders:
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        os.dup2(os.open(folder + ".stderr", os.O_WRONLY | os.O_CREAT), 2)
        sys.argv = ["nbgrader", "autograde", assignment]
        sys.exit(main())
    found[os.path.basename(folder)] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Ended:
    """A run that came to its end; `changed`: whether it left other files in the course than it found."""

    course: Course
    status: int
    said: str
    changed: bool


@pytest.fixture(scope="module")
def ended(fresh, tmp_path_factory) -> dict[str, Ended]:
    """The refusals, and the run on a disk with a bad block."""
    folder = tmp_path_factory.mktemp("ended")
    spoil = {name: what for name, (what, _) in REFUSALS.items()} | {"bad-block": break_the_disk}
    courses = {name: copy(fresh, folder / name) for name in spoil}
    for name, course in courses.items():
        spoil[name](course)
    before = {name: contents(course) for name, course in courses.items()}
    # Permissions do not bind root, a mount does.
    book = str(courses["gradebook-read-only"].root / "gradebook.db")
    privileges = ["--cap-add", "ALL"] if os.geteuid() == 0 else []
    mounted = ["bwrap", "--dev-bind", "/", "/", *privileges, "--ro-bind", book, book]
    command = [sys.executable, "-c", RUN_IN_ALL, ASSIGNMENT, *(str(course.root) for course in courses.values())]
    with (courses["another-run"].root / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = subprocess.run([*mounted, *command], env=environment(), stdout=subprocess.PIPE, check=True, timeout=300)
    statuses = json.loads(run.stdout.splitlines()[-1])
    return {
        name: Ended(course, statuses[name], (folder / f"{name}.stderr").read_text(), contents(course) != before[name])
        for name, course in courses.items()
    }


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_one_sentence_and_leaves_everything_as_it_was(ended, name):
    run = ended[name]
    assert run.said == f"autograder: {REFUSALS[name][1].format(root=run.course.root)}\n"
    assert run.status == 1
    assert not run.changed


def interrupt_when(course: Course, *words: str) -> tuple[int, str]:
    """Run the grader and press Ctrl-C when it has logged these words, one after the other; status and all it said."""
    with subprocess.Popen(
        autograde_command("--log-level=DEBUG"),
        cwd=course.root,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches a whole group of processes: this one's, not ours
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # whoever runs the tests may ignore it
    ) as process:
        said, waiting = [], list(words)
        for line in process.stderr:
            said.append(line)
            if waiting and waiting[0] in line:
                waiting.pop(0)
                if not waiting:
                    os.killpg(process.pid, signal.SIGINT)
    assert not waiting, "".join(said)
    return process.returncode, "".join(said)


def automatic(course: Course) -> dict[tuple[str, str], float | None]:
    return {key: found[0] for key, found in gradebook_contents(course).items()}


def test_an_interrupted_run_says_so_and_the_next_one_completes(fresh, tmp_path):
    course = copy(fresh, tmp_path / "course")
    status, said = interrupt_when(course, f"autograded/bo/{ASSIGNMENT}", "test_image_to_patches.py::")
    assert status == 1
    assert "Traceback" not in said
    *_, summary, sentence = said.strip().splitlines()
    assert "1 submissions graded in this run" in summary
    assert sentence == "autograder: interrupted; what was finished is kept, run this again to go on."
    marks = automatic(course)
    assert marks["ada", "pixel_linear"] == worth(AUTOMATIC)["pixel_linear"] and marks["bo", "image_to_patches"] is None
    verdicts = course.root / "verdicts" / ASSIGNMENT
    assert (verdicts / "ada" / DONE).exists() and not (verdicts / "bo" / DONE).exists()
    assert json.loads((verdicts / LAST_RUN).read_text())["graded"] == ["ada"]

    run = autograde(course)
    assert run.returncode == 0, run.stderr
    assert "1 submissions graded in this run" in run.stderr
    marks = automatic(course)
    tasks = worth(AUTOMATIC)
    assert [{task: marks[student, task] for task in tasks} for student in ("ada", "bo")] == [tasks] * 2


def test_a_file_that_cannot_be_copied_costs_nobody_a_mark(ended):
    run = ended["bad-block"]
    assert run.status == 0, run.said
    assert "Traceback" not in run.said
    notes = [
        "timestamp.txt holds no date and time: counted as handed in on time",
        "its files beside the notebooks could not be copied to autograded/ (Input/output error)",
    ]
    assert [run.said.count(f"note: ada: {note}\n") for note in notes] == [1, 1]
    record = json.loads((run.course.root / "verdicts" / ASSIGNMENT / LAST_RUN).read_text())
    assert record["graded"] == ["ada", "bo"] and record["failed"] == {}
    assert {student: sorted(found) for student, found in record["notes"].items()} == {"ada": sorted(notes)}
    assert gradebook_contents(run.course)["ada", "image_to_patches"][0] == worth(AUTOMATIC)["image_to_patches"]
    autograded = run.course.root / "autograded"
    assert not (autograded / "ada" / ASSIGNMENT / "results.csv").exists()
    assert (autograded / "bo" / ASSIGNMENT / "table.csv").read_text() == "1,2\n"  # the next one's are copied again
