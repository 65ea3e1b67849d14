"""Right answers in other styles than the reference's: each must get every point of its task.

They lie in `alternatives/<assignment>/<task>/<style>.py`: a docstring that names the style, then definitions, which
stand in a cell after all others of the task's notebook. So they take the place of the reference's, and may use all
names that the notebook defines.
"""

from pathlib import Path

from autograder.grading.examination import notebook_of
from autograder.misconceptions import Code
from autograder.sources import assignments
from segkit.checking.public import tasks_of

ALTERNATIVES = Path(__file__).parent / "alternatives"


def right_answers(assignment: str) -> dict[tuple[str, str], Code]:
    """The right answers of an assignment by task and style, its tasks in their order.

    Raises:
        LookupError: if there is a folder for a task that does not exist.
    """
    folders = {folder.name: folder for folder in (ALTERNATIVES / assignment).iterdir() if folder.is_dir()}
    if unknown := folders.keys() - set(tasks_of(assignment)):
        raise LookupError(f"{assignment} has no tasks {', '.join(sorted(unknown))}.")
    return {
        (task, path.stem): Code(notebook_of(assignment, task), path.read_text(encoding="utf-8"))
        for task in tasks_of(assignment)
        if task in folders
        for path in sorted(folders[task].glob("*.py"))
    }


RIGHT_ANSWERS = {name: code for assignment in assignments() for name, code in right_answers(assignment).items()}
