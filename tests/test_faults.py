"""Killed graders, two graders at once, full disks: nothing is lost, and the gradebook is that of a quiet run."""

import os
import shutil
import signal
import sqlite3
import subprocess

import pytest
from intro_course import (
    ASSIGNMENT,
    CLASS,
    autograde,
    autograde_command,
    environment,
    gradebook_contents,
    open_intro,
)
from nbgrader.api import InvalidEntry
from sqlalchemy.exc import OperationalError

from autograder.course import run as grading_run
from autograder.course.alone import alone
from autograder.course.course import Course
from autograder.course.up_to_date import DONE
from segkit.errors import CourseError


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Course:
    """A course nobody has graded yet: copy it."""
    course = open_intro(tmp_path_factory.mktemp("faults") / "course")
    (course.root / ".course_secret").write_text("a secret of the tests\n")
    return course


@pytest.fixture(scope="module")
def quiet(fresh, tmp_path_factory) -> dict:
    """What the gradebook holds after an uninterrupted run."""
    course = copy(fresh, tmp_path_factory.mktemp("quiet"))
    assert autograde(course).returncode == 0
    contents = gradebook_contents(course)
    assert {student for student, _ in contents} == set(CLASS)
    return contents


def copy(course: Course, folder) -> Course:
    shutil.copytree(course.root, folder / "course", symlinks=True)
    return Course(folder / "course", course.assignment)


def kill_at_line(course: Course, number: int) -> int | None:
    """Run the grader and SIGKILL it when it has logged that many lines; its status if it ended before."""
    process = subprocess.Popen(
        autograde_command("--log-level=DEBUG"), cwd=course.root, env=environment(), stderr=subprocess.PIPE, text=True
    )
    with process:
        for count, _ in enumerate(process.stderr, start=1):
            if count == number:
                process.send_signal(signal.SIGKILL)
                process.stderr.read()
        return None if process.wait() == -signal.SIGKILL else process.returncode


def test_a_killed_grader_loses_nothing(fresh, quiet, tmp_path):
    course = copy(fresh, tmp_path)
    lines = [25, 60, 75, 90, 70]  # before, inside and between submissions
    assert [kill_at_line(course, number) for number in lines] == [None] * len(lines)
    run = autograde(course)
    assert run.returncode == 0, run.stderr
    assert gradebook_contents(course) == quiet
    for student in CLASS:
        assert (course.root / "autograded" / student / ASSIGNMENT / "01_warmup.ipynb").exists()
    assert [path for path in course.root.rglob("*.part")] == []


def test_what_a_killed_grader_left_half_done_is_done_again(fresh, quiet, tmp_path):
    course = copy(fresh, tmp_path)
    assert autograde(course).returncode == 0
    (course.root / "verdicts" / ASSIGNMENT / "bo" / DONE).unlink()  # the last thing that is written
    (course.root / "autograded" / "bo" / ASSIGNMENT / "01_warmup.ipynb").unlink()
    with sqlite3.connect(course.root / "gradebook.db") as database:
        database.execute("UPDATE grade SET auto_score = NULL")
    run = autograde(course)
    assert run.returncode == 0
    assert "1 submissions graded in this run" in run.stderr
    contents = gradebook_contents(course)
    assert {key: value for key, value in contents.items() if key[0] == "bo"} == {
        key: value for key, value in quiet.items() if key[0] == "bo"
    }
    assert contents["ada", "image_to_patches"][0] is None  # the others are not touched again


def test_two_graders_at_once(fresh, quiet, tmp_path):
    course = copy(fresh, tmp_path)
    runs = [
        subprocess.Popen(autograde_command(), cwd=course.root, env=environment(), stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    errors = [run.communicate(timeout=300)[1] for run in runs]
    refused = [error for run, error in zip(runs, errors, strict=True) if run.returncode != 0]
    # One that starts when the other has ended finds nothing to do; both ways nothing is corrupted.
    for error in refused:
        assert "Another run is grading in" in error and "Traceback" not in error
    assert len(refused) <= 1
    assert gradebook_contents(course) == quiet


def test_the_lock_of_a_course_is_held_by_one_run_and_ends_with_it(tmp_path):
    first = alone(tmp_path)
    with first, pytest.raises(CourseError, match="Another run is grading"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


IN_A_SMALL_DISK = """
set -e
cp -a {source}/. {disk}
cd {disk}
free=$(df --output=avail -k . | tail -n 1)
head -c $((free - {left}))K /dev/zero > ballast
set +e
{command} 2> {out}/stderr
echo $? > {out}/status
rm ballast
cp -a {disk} {out}/course
"""


def test_a_full_disk_ends_the_run_and_leaves_the_gradebook_whole(fresh, quiet, tmp_path):
    disk, out = tmp_path / "disk", tmp_path / "out"
    disk.mkdir()
    out.mkdir()
    command = " ".join(autograde_command())
    # The least that a run asks for and a little more: it fills up in the middle of the class.
    left = grading_run.LEAST_FREE // 1024 + 100
    script = IN_A_SMALL_DISK.format(source=fresh.root, disk=disk, out=out, command=command, left=left)
    room = 2 * grading_run.LEAST_FREE
    privileges = ["--cap-add", "ALL"] if os.geteuid() == 0 else []
    subprocess.run(
        ["bwrap", "--dev-bind", "/", "/", *privileges, "--size", str(room), "--tmpfs", str(disk), "sh", "-c", script],
        env=environment(),
        check=True,
        timeout=300,
    )
    error = (out / "stderr").read_text()
    assert (out / "status").read_text().strip() == "1", error
    assert "the disk is full" in error and "make room and run this again" in error
    assert "Traceback" not in error
    course = Course(out / "course", ASSIGNMENT)
    graded = gradebook_contents(course)
    complete = {
        student for student in CLASS if (course.root / "verdicts" / ASSIGNMENT / student / "graded.json").exists()
    }
    assert complete and complete != set(CLASS)
    assert {key: graded[key] for key in graded if key[0] in complete} == {
        key: quiet[key] for key in quiet if key[0] in complete
    }
    assert autograde(course).returncode == 0
    assert gradebook_contents(course) == quiet


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "the disk is full"),
        (OperationalError("UPDATE", {}, sqlite3.OperationalError("database or disk is full")), "the disk is full"),
        (OperationalError("UPDATE", {}, sqlite3.OperationalError("database is locked")), "kept the gradebook locked"),
        (InvalidEntry("(sqlite3.OperationalError) database is locked"), "kept the gradebook locked"),
    ],
)
def test_what_concerns_the_whole_course_is_one_sentence(error, words):
    with pytest.raises(SystemExit, match=words), grading_run._sentences():
        raise error


def test_other_errors_stay_what_they_are():
    with pytest.raises(OSError, match="Permission"), grading_run._sentences():
        raise OSError(13, "Permission denied")
