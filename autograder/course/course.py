"""A running course: a folder with nbgrader's directories and a gradebook, and what we ask of nbgrader there."""

import contextlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from autograder.course.marks import Mark, marks_table, read_marks
from segkit.errors import CourseError

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
        jobs: int = 0,
        scheduler: str = "",
    ) -> int:
        """Run `nbgrader autograde` with a progress bar; its exit status.

        Args:
            student: one student's id; `*` is everybody.
            device: where submissions compute.
            force: grade again what is graded already, and try again what is kept.
            unsafe_without_sandbox: for trusted solutions only: run their code in ordinary processes.
            results_data: folder of the images that trained models are evaluated on; None: what nbgrader's settings say.
            results_scale: which mean IoU earns which share of the points; empty: what nbgrader's settings say.
            jobs: notebooks graded at the same time; 0: what nbgrader's settings say.
            scheduler: address of a cluster that grades; empty: what nbgrader's settings say.

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
        options += [f"--GradeInWorker.jobs={jobs}"] if jobs else []
        options += [f"--GradeInWorker.scheduler={scheduler}"] if scheduler else []
        options += ["--GradeInWorker.progress=always", "--log-level=WARN"]
        with subprocess.Popen(self._call("autograde", options), cwd=self.root, env=_environment()) as process:
            while True:
                with contextlib.suppress(KeyboardInterrupt):  # nbgrader got it as well, and ends in order
                    return process.wait()

    def generate_feedback(self) -> int:
        """Run `nbgrader generate_feedback` with a progress bar; its exit status."""
        total = len(list((self.root / "autograded").glob(f"*/{self.assignment}/*.ipynb")))
        return self._nbgrader("generate_feedback", ["--force"], count="Converting notebook ", total=total)

    def marks(self) -> dict[str, list[Mark]]:
        """The marks of each student: see `autograder.course.marks.read_marks`."""
        return read_marks(self.root, self.assignment)

    def marks_table(self) -> str:
        """The marks as a table: see `autograder.course.marks.marks_table`."""
        return marks_table(self.root, self.assignment)

    def _nbgrader(self, command: str, options: list[str], *, count: str, total: int) -> int:
        """Run an nbgrader command; its log lines with `count` advance the bar, its warnings are shown."""
        call = self._call(command, options)
        process = subprocess.Popen(call, cwd=self.root, env=_environment(), stderr=subprocess.PIPE, text=True)
        with process, tqdm(total=total, unit="notebook", desc=command) as bar:
            for line in process.stderr:
                if count in line:
                    bar.update()
                    bar.set_postfix_str(_place(line))
                elif not _ROUTINE.match(line):
                    bar.write(line.rstrip(), file=sys.stderr)
        return process.returncode

    def _call(self, command: str, options: list[str]) -> list[str]:
        return [sys.executable, "-m", "nbgrader", command, self.assignment, *options]


def _environment() -> dict[str, str]:
    beside = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join([beside, os.environ.get("PATH", "")])}


def _place(line: str) -> str:
    """What is running: student and notebook, from the path at the end of a log line."""
    path = Path(line.split()[-1])
    return f"{path.parent.parent.name} {path.stem}"
