"""A running course: a folder with nbgrader's directories and a gradebook, and what we ask of nbgrader there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from tqdm import tqdm

from autograder.grading_run import DONE
from segkit.errors import CourseError

_ROUTINE = re.compile(r"\[\w+ \| (INFO|DEBUG)\]|\s*$")


@dataclass(frozen=True)
class Mark:
    """One graded cell of a student: `score` is None until somebody has marked a written answer."""

    notebook: str
    cell: str
    automatic: bool
    score: float | None
    maximum: float


@dataclass(frozen=True)
class Course:
    """The course in folder `root`; nbgrader's settings come from `root/nbgrader_config.py`."""

    root: Path
    assignment: str

    @property
    def db_url(self) -> str:
        """The gradebook's address."""
        return f"sqlite:///{self.root / 'gradebook.db'}"

    def autograde(
        self, *, student: str = "*", device: str = "cpu", force: bool = False, unsafe_without_sandbox: bool = False
    ) -> int:
        """Run `nbgrader autograde` with a progress bar; its exit status.

        Args:
            student: one student's id; `*` is everybody.
            device: where submissions compute.
            force: grade again what is graded already, and try again what is kept.
            unsafe_without_sandbox: for trusted solutions only: run their code in ordinary processes.

        Returns:
            0 if everything was graded, with or without repairs; 1 if a part of a submission could not be.

        Raises:
            CourseError: if nothing was handed in.
        """
        students = [path.name for path in (self.root / "submitted").glob(student) if path.is_dir()]
        if not students:
            raise CourseError(f"There is nothing to grade: no folder in {self.root / 'submitted'} is called {student}.")
        waiting = students if force else [name for name in students if not self._graded(name)]
        options = [f"--student={student}", f"--GradeInWorker.device={device}", *(["--force"] if force else [])]
        options += ["--GradeInWorker.unsafe_without_sandbox=True"] if unsafe_without_sandbox else []
        released = len(list((self.root / "notebooks" / self.assignment).glob("*.ipynb")))
        return self._nbgrader("autograde", options, count="Autograding ", total=len(waiting) * released)

    def _graded(self, student: str) -> bool:
        return (self.root / "verdicts" / self.assignment / student / DONE).exists() and (
            self.root / "autograded" / student / self.assignment
        ).exists()

    def generate_feedback(self) -> int:
        """Run `nbgrader generate_feedback` with a progress bar; its exit status."""
        total = len(list((self.root / "autograded").glob(f"*/{self.assignment}/*.ipynb")))
        return self._nbgrader("generate_feedback", ["--force"], count="Converting notebook ", total=total)

    def marks(self) -> dict[str, list["Mark"]]:
        """The marks of each student, one per graded cell, in the notebooks' order.

        Raises:
            CourseError: if the gradebook does not know the assignment.
        """
        if not (self.root / "gradebook.db").exists():  # opening it would make an empty one
            raise CourseError(f"There is no gradebook in {self.root}: run `make release` first, or go to your course.")
        with Gradebook(self.db_url) as gradebook:
            try:
                submissions = gradebook.assignment_submissions(self.assignment)
            except MissingEntry:
                raise CourseError(
                    f"The gradebook in {self.root} does not know {self.assignment}: run `make release` first."
                ) from None
            return {
                submission.student.id: [
                    Mark(notebook.name, grade.name, grade.cell.cell_type == "code", _score(grade), grade.max_score)
                    for notebook in sorted(submission.notebooks, key=lambda notebook: notebook.name)
                    for grade in notebook.grades
                ]
                for submission in submissions
            }

    def marks_table(self) -> str:
        """Automatic points by notebook, one line per student, and under it the tasks that lost points."""
        marks = self.marks()
        notebooks = sorted({mark.notebook for student in marks.values() for mark in student if mark.automatic})
        width = max([len("student"), *map(len, marks)])
        lines = [_row("student", notebooks, "automatic", "to mark by hand", width, notebooks)]
        for student, given in sorted(marks.items()):
            automatic = [mark for mark in given if mark.automatic]
            sums = [_sum(mark for mark in automatic if mark.notebook == name) for name in notebooks]
            waiting = sum(mark.score is None for mark in given)
            lines.append(_row(student, sums, _sum(automatic), str(waiting), width, notebooks))
            lost = [mark for mark in automatic if (mark.score or 0.0) < mark.maximum]
            if 0 < len(lost) < len(automatic):
                tasks = ", ".join(f"{mark.cell} {mark.score or 0:g} of {mark.maximum:g}" for mark in lost)
                lines.append(f"{' ' * width}    lost at {tasks}")
        return "\n".join(lines)

    def _nbgrader(self, command: str, options: list[str], *, count: str, total: int) -> int:
        """Run an nbgrader command; its log lines with `count` advance the bar, its warnings are shown."""
        environment = os.environ | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        }
        call = [sys.executable, "-m", "nbgrader", command, self.assignment, *options]
        process = subprocess.Popen(call, cwd=self.root, env=environment, stderr=subprocess.PIPE, text=True)
        with process, tqdm(total=total, unit="notebook", desc=command) as bar:
            for line in process.stderr:
                if count in line:
                    bar.update()
                    bar.set_postfix_str(_place(line))
                elif not _ROUTINE.match(line):
                    bar.write(line.rstrip(), file=sys.stderr)
        return process.returncode


def _place(line: str) -> str:
    """What is running: student and notebook, from the path at the end of a log line."""
    path = Path(line.split()[-1])
    return f"{path.parent.parent.name} {path.stem}"


def _score(grade) -> float | None:
    return None if grade.needs_manual_grade and grade.manual_score is None else grade.score


def _sum(marks: Iterable[Mark]) -> str:
    given = list(marks)
    return f"{sum(mark.score or 0.0 for mark in given):g}/{sum(mark.maximum for mark in given):g}"


def _row(first: str, cells: list[str], automatic: str, by_hand: str, width: int, heads: list[str]) -> str:
    middle = "  ".join(cell.rjust(max(len(head), 7)) for cell, head in zip(cells, heads, strict=True))
    return f"{first.ljust(width)}  {middle}  {automatic.rjust(9)}  {by_hand.rjust(15)}"
