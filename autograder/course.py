"""A running course: a folder with nbgrader's directories and a gradebook, and what we ask of nbgrader there."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from autograder.marks import Mark, marks_table, read_marks
from segkit.errors import CourseError

SKIPPED, EVALUATING = "Skipping existing assignment", "Evaluating the trained model of "
_ROUTINE = re.compile(r"\[\w+ \| (INFO|DEBUG)\]|\s*$")


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
        self,
        *,
        student: str = "*",
        device: str = "cpu",
        force: bool = False,
        unsafe_without_sandbox: bool = False,
        results_data: Path | None = None,
        results_scale: str = "",
    ) -> int:
        """Run `nbgrader autograde` with a progress bar; its exit status.

        Args:
            student: one student's id; `*` is everybody.
            device: where submissions compute.
            force: grade again what is graded already, and try again what is kept.
            unsafe_without_sandbox: for trusted solutions only: run their code in ordinary processes.
            results_data: folder of the images that trained models are evaluated on; None: what nbgrader's settings say.
            results_scale: which mean IoU earns which share of the points; empty: what nbgrader's settings say.

        Returns:
            0 if everything was graded, with or without repairs; 1 if a part of a submission could not be.

        Raises:
            CourseError: if nothing was handed in.
        """
        students = [path.name for path in (self.root / "submitted").glob(student) if path.is_dir()]
        if not students:
            raise CourseError(f"There is nothing to grade: no folder in {self.root / 'submitted'} is called {student}.")
        options = [f"--student={student}", f"--GradeInWorker.device={device}", *(["--force"] if force else [])]
        options += ["--GradeInWorker.unsafe_without_sandbox=True"] if unsafe_without_sandbox else []
        options += [f"--GradeInWorker.results_data={results_data.absolute()}"] if results_data else []
        options += [f"--GradeInWorker.results_scale={results_scale}"] if results_scale else []
        released = len(list((self.root / "notebooks" / self.assignment).glob("*.ipynb")))
        return self._nbgrader(
            "autograde", options, count="Autograding ", total=len(students) * released, per_submission=released
        )

    def generate_feedback(self) -> int:
        """Run `nbgrader generate_feedback` with a progress bar; its exit status."""
        total = len(list((self.root / "autograded").glob(f"*/{self.assignment}/*.ipynb")))
        return self._nbgrader("generate_feedback", ["--force"], count="Converting notebook ", total=total)

    def marks(self) -> dict[str, list[Mark]]:
        """The marks of each student: see `autograder.marks.read_marks`."""
        return read_marks(self.root, self.assignment)

    def marks_table(self) -> str:
        """The marks as a table: see `autograder.marks.marks_table`."""
        return marks_table(self.root, self.assignment)

    def _nbgrader(self, command: str, options: list[str], *, count: str, total: int, per_submission: int = 1) -> int:
        """Run an nbgrader command; its log lines with `count` advance the bar, its warnings are shown."""
        environment = os.environ | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        }
        call = [sys.executable, "-m", "nbgrader", command, self.assignment, *options]
        process = subprocess.Popen(call, cwd=self.root, env=environment, stderr=subprocess.PIPE, text=True)
        with process, tqdm(total=total, unit="notebook", desc=command) as bar:
            for line in process.stderr:
                if SKIPPED in line:
                    bar.update(per_submission)
                elif count in line:
                    bar.update()
                    bar.set_postfix_str(_place(line))
                elif EVALUATING in line:
                    bar.set_postfix_str(line.split(EVALUATING)[1].rstrip())
                elif not _ROUTINE.match(line):
                    bar.write(line.rstrip(), file=sys.stderr)
        return process.returncode


def _place(line: str) -> str:
    """What is running: student and notebook, from the path at the end of a log line."""
    path = Path(line.split()[-1])
    return f"{path.parent.parent.name} {path.stem}"
