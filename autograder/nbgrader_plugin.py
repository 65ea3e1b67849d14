"""Our places in `nbgrader autograde`: what is handed in is made fit for grading, and instead of running a notebook, the
verdict's points are put into its check cells.

nbgrader reads a cell's points from its outputs: the first `execute_result` that reads as a number. Nothing but our
verdict ever stands there; what the student left in other cells (plots, training logs) stays for the hand grader.
"""

import math
from pathlib import Path

from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from nbgrader import utils
from nbgrader.converters import Autograde
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Enum, Float, Int, Unicode

from autograder.course.run import CourseAutograde
from autograder.evaluation.trained_model import Rules
from autograder.grading.cases import course_secret
from autograder.grading.feedback import notebook_html, task_html, task_text
from autograder.grading.notebook import Settings
from autograder.grading.verdicts import TaskVerdict
from autograder.parallel.graders import AllGraders
from autograder.sandbox import Bubblewrap, Limits, NoSandbox
from autograder.sandbox.limits import MIB
from segkit.evaluation.scale import read_scale


class TriageExporter(NotebookExporter):
    """Reads what was handed in through `autograder.triage`.

    nbgrader has no setting for the class that converts a batch. The exporter is the first object of ours that it
    makes, so this is where its converter becomes a `CourseAutograde`.
    """

    optimistic_validation = Bool(True, help="Validate a notebook once, not after each preprocessor").tag(config=True)

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        if type(self.parent) is Autograde:
            self.parent.__class__ = CourseAutograde
            self.parent.settings = GradeInWorker(parent=self)

    def from_filename(self, filename: str, resources: ResourcesDict | None = None, **kwargs: object):
        """The notebook in that file; from `submitted/`, what triage made of it, wherever it was found."""
        if not self.parent._sanitizing:
            return super().from_filename(filename, resources=resources, **kwargs)
        path = Path(filename)
        resources["metadata"] = ResourcesDict(name=path.stem, path=str(path.parent), modified_date="")
        triaged = self.parent.submission.notebooks[path.stem]
        return self.from_notebook_node(triaged.notebook, resources=resources, **kwargs)  # it works on a copy


class GradeInWorker(NbGraderPreprocessor):
    """Runs the hidden tests on a submission's notebook, whose code runs in a sandbox."""

    device = Unicode("cpu", help="Where submissions compute: cpu, cuda, cuda:1, mps").tag(config=True)
    seconds_per_test = Float(30, help="Seconds that a submission may take for one test").tag(config=True)
    seconds_per_notebook = Float(600, help="Seconds that a submission's notebook may take in all").tag(config=True)
    cpu_seconds = Float(900, help="Seconds of processor time that one process of a submission may use").tag(config=True)
    memory_mib = Int(4096, help="MiB of memory that a submission's processes may use together").tag(config=True)
    gpu_memory_mib = Int(8192, help="MiB of GPU memory that a submission's processes may use").tag(config=True)
    processes = Int(64, help="Processes and threads that a submission may have").tag(config=True)
    scratch_mib = Int(64, help="MiB of files that a submission may write").tag(config=True)
    results_data = Unicode(
        "", help="Folder of the four-class set whose validation images trained models are evaluated on; empty: none"
    ).tag(config=True)
    results_scale = Unicode(
        "", help='Which mean IoU earns which share of the points, "0.35: 0, 0.50: 1"; empty: as in course.toml'
    ).tag(config=True)
    seconds_for_results = Float(900, help="Seconds that a trained model may take for all images").tag(config=True)
    jobs = Int(0, help="Notebooks graded at the same time on this machine; 0: one for each processor").tag(config=True)
    scheduler = Unicode(
        "", help="Address of a dask.distributed scheduler whose workers grade, tcp://host:8786; empty: this machine"
    ).tag(config=True)
    progress = Enum(
        ["auto", "always", "never"], "auto", help="Show a line of progress; auto: if this runs in a terminal"
    ).tag(config=True)
    unsafe_without_sandbox = Bool(
        False, help="Run code in an ordinary process. For trusted solutions only: it can read and change everything"
    ).tag(config=True)

    @property
    def limits(self) -> Limits:
        """What a submission may use."""
        return Limits(
            test=self.seconds_per_test,
            notebook=self.seconds_per_notebook,
            cpu=self.cpu_seconds,
            memory=self.memory_mib * MIB,
            gpu_memory=self.gpu_memory_mib * MIB,
            processes=self.processes,
            file=self.scratch_mib * MIB,
            scratch=self.scratch_mib * MIB,
        )

    def grading_settings(self, converter: CourseAutograde) -> Settings:
        """What these options mean in the course that `converter` works in."""
        root = Path(converter.coursedir.root)
        return Settings(
            secret=course_secret(root),
            device=self.device,
            limits=self.limits,
            sandbox=NoSandbox() if self.unsafe_without_sandbox else Bubblewrap(),
            kept=root / "verdicts" / converter.coursedir.assignment_id / ".kept",
            fresh=converter.force,
            rules=self.rules,
        )

    def graders(self) -> AllGraders:
        """Who grades: processes on this machine, and those of a cluster if there is one."""
        return AllGraders(self.jobs, self.device, self.scheduler, sandboxed=not self.unsafe_without_sandbox)

    @property
    def rules(self) -> Rules:
        """How trained models are evaluated."""
        data = Path(self.results_data) if self.results_data else None
        return Rules(data, read_scale(self.results_scale), self.seconds_for_results)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        about = resources["nbgrader"]
        student, notebook = str(about["student"]), str(about["notebook"])
        converter: CourseAutograde = self.parent.parent  # preprocessor -> exporter -> converter
        graded = converter.ahead.verdict(student, converter.submission, notebook)
        for test in graded.tried:
            self.log.debug("%s: %s", student, test)
        if graded.note:
            converter.run.notes.setdefault(student, []).append(graded.note)
        verdict = graded.verdict
        converter.found.append(verdict)
        for cell in nb.cells:
            if _is_check(cell):
                task = verdict.tasks[cell.metadata.nbgrader.grade_id]
                if task.bonus:
                    # The gradebook's maximum of a bonus is 0; for the next steps of this run, which refuse more points
                    # than the maximum in the notebook, and for formgrader's page, it is what can be earned.
                    cell.metadata.nbgrader.points = task.max_points
                cell.outputs = [_output(task, verdict.problems, float(cell.metadata.nbgrader.points))]
                self.log.info("%s %s: %g of %g points", student, task.task, task.points, task.max_points)
        remarks = notebook_html(verdict)
        if remarks:
            nb.cells.insert(0, new_markdown_cell(remarks, id="from-the-autograder"))
        return nb, resources


def _is_check(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)


def _output(task: TaskVerdict, problems: list[str], maximum: float) -> NotebookNode:
    # A number above the maximum fails the submission, and nan or -1 give full credit: write neither.
    points = task.points if math.isfinite(task.points) else 0.0
    points = min(max(points, 0.0), maximum)
    data = {"text/plain": repr(float(points)), "text/html": task_html(task, problems)}
    return new_output("execute_result", data=data, metadata={"words": task_text(task)}, execution_count=1)
