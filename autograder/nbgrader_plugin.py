"""Our place in `nbgrader autograde`: instead of running a notebook, put the verdict's points into its check cells.

nbgrader reads a cell's points from its outputs: the first `execute_result` that reads as a number. Nothing but our
verdict ever stands there; what the student left in other cells (plots, training logs) stays for the hand grader.
"""

import math
from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Float, Unicode

from autograder.cases import course_secret
from autograder.feedback import task_html, task_text
from autograder.grading import grade_notebook
from autograder.sandbox import Limits
from autograder.submissions import notebook_cells
from autograder.verdicts import TaskVerdict
from segkit.student import code_cells


class ClearGradeCellOutputs(NbGraderPreprocessor):
    """Empties the check cells and no others, so that a student's own figures and training logs stay."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        for cell in nb.cells:
            if _is_check(cell):
                cell.outputs, cell.execution_count = [], None
        return nb, resources


class GradeInWorker(NbGraderPreprocessor):
    """Runs the hidden tests on a submission's notebook, whose code runs in a process of its own."""

    device = Unicode("cpu", help="Where submissions compute: cpu, cuda, cuda:1, mps").tag(config=True)
    seconds_per_request = Float(30, help="Seconds that a submission may take to answer one question").tag(config=True)
    seconds_per_notebook = Float(600, help="Seconds that a submission's notebook may take in all").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        about = resources["nbgrader"]
        student, assignment, notebook = (str(about[key]) for key in ("student", "assignment", "notebook"))
        coursedir = self.parent.parent.coursedir  # preprocessor -> exporter -> converter
        submitted = Path(coursedir.format_path(coursedir.submitted_directory, student, assignment))
        root = Path(coursedir.root)
        verdict = grade_notebook(
            assignment,
            notebook,
            {**notebook_cells(submitted), notebook: code_cells(nb)},
            course_secret(root),
            device=self.device,
            limits=Limits(request=self.seconds_per_request, notebook=self.seconds_per_notebook),
            report=self.log.debug,
        )
        verdict.write(root / "verdicts" / assignment / student / f"{notebook}.json")
        for cell in nb.cells:
            if _is_check(cell):
                task = verdict.tasks[cell.metadata.nbgrader.grade_id]
                cell.outputs = [_output(task, verdict.problems, float(cell.metadata.nbgrader.points))]
                self.log.info("%s %s: %g of %g points", student, task.task, task.points, task.max_points)
        return nb, resources


def _is_check(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)


def _output(task: TaskVerdict, problems: list[str], maximum: float) -> NotebookNode:
    # A number above the maximum fails the submission, and nan or -1 give full credit: write neither.
    points = task.points if math.isfinite(task.points) else 0.0
    points = min(max(points, 0.0), maximum)
    data = {"text/plain": repr(float(points)), "text/html": task_html(task, problems)}
    return new_output("execute_result", data=data, metadata={"words": task_text(task)}, execution_count=1)
