"""From a student's cell to nbgrader's gradebook: submit, collect, autograde, and what being late costs."""

import json
import shutil
import zipfile
from datetime import datetime
from pathlib import Path

from intro_course import ASSIGNMENT, NOTEBOOK, autograde, open_intro
from nbgrader.api import Gradebook

from autograder.collect import collect
from autograder.completion import complete_assignment
from segkit import submit


def dated(handed_in: Path, time: str) -> None:
    """Write another time into the receipt of a zip: as if it had been made then."""
    with zipfile.ZipFile(handed_in) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["handin.json"] = json.dumps(json.loads(files["handin.json"]) | {"time": time}).encode()
    with zipfile.ZipFile(handed_in, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def test_two_students_hand_in_one_of_them_a_day_late(tmp_path):
    course = open_intro(tmp_path / "course", {})
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nget_config().SharePerDay.share_per_day = 0.1\n")
    with Gradebook(course.db_url) as gradebook:
        gradebook.update_or_create_assignment(ASSIGNMENT, duedate="2026-11-28 23:59 Europe/Berlin")
    for student, time in {"ada": "2026-11-28T23:58:00+01:00", "bo": "2026-11-30T00:01:00+01:00"}.items():
        folder = tmp_path / student
        complete_assignment(ASSIGNMENT, folder, released=course.root / "notebooks" / ASSIGNMENT)
        submit(student=student, folder=folder)
        (handed_in,) = folder.glob("*.zip")
        dated(handed_in, time)
        (tmp_path / "downloads").mkdir(exist_ok=True)
        shutil.move(handed_in, tmp_path / "downloads")
    summary = collect(course.root, [tmp_path / "downloads"], "segformer")
    assert len(summary.new) == 2 and not summary.unplaced

    result = autograde(course)
    assert result.returncode == 0, result.stderr
    with Gradebook(course.db_url) as gradebook:
        ada, bo = (gradebook.find_submission(ASSIGNMENT, student) for student in ("ada", "bo"))
        assert ada.timestamp == datetime(2026, 11, 28, 22, 58) and bo.timestamp == datetime(2026, 11, 29, 23, 1)
        assert ada.score == bo.score > 0
        assert (ada.late_submission_penalty, bo.late_submission_penalty) == (0, 0.2 * bo.score)  # a day and two minutes
        assert [notebook.name for notebook in bo.notebooks] == [NOTEBOOK]
