"""Builds the notebooks from their sources: the instructor's, and through nbgrader the students'.

`solutions/<assignment>/NN_name.py` -> instructor notebook -> nbgrader's `generate_assignment` -> student notebook.
Every notebook carries a digest of what was built, so that work done in it since is recognised and never overwritten.
"""

import hashlib
import json
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearSolutions
from traitlets.config import Config

from autograder.building.online import put_online
from autograder.building.points import outdated_marks, wrong_points
from autograder.course.settings import configure
from autograder.paths import NOTEBOOKS, SOLUTIONS, find_programs_beside_interpreter
from autograder.sources import BONUSES, BY_HAND, MACHINE_GRADED, Source, SourceCell, read_sources
from segkit.course import CourseSettings, read_settings
from segkit.errors import CourseError

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
TAGGED_ROLES = {"experiment": "experiment"} | dict.fromkeys(MACHINE_GRADED, "check")


class NameTheTask(ClearSolutions):
    """nbgrader's ClearSolutions with a stub that says which task waits there."""

    def preprocess_cell(self, cell, resources, cell_index):
        task = cell.metadata.get("course", {}).get("task")
        if task:
            self.code_stub = {"python": f'raise NotImplementedError("Task {task}: your code goes here")'}
        return super().preprocess_cell(cell, resources, cell_index)


def instructor_notebook(source: Source, assignment: str) -> NotebookNode:
    """The notebook with solutions, with nbgrader's metadata and ids that depend on the content only."""
    taken: set[str] = set()
    cells = [_notebook_cell(cell, taken) for cell in source.cells]
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}, "course": {"assignment": assignment}}
    notebook = new_notebook(cells=cells, metadata=metadata)
    notebook.nbformat_minor = 5
    return notebook


def _notebook_cell(cell: SourceCell, taken: set[str]) -> NotebookNode:
    make = new_code_cell if cell.cell_type == "code" else new_markdown_cell
    built = make(cell.source, id=_cell_id(cell, taken), metadata={"nbgrader": _nbgrader_metadata(cell)})
    if cell.role == "given" or cell.role == "experiment":
        del built.metadata["nbgrader"]
    if cell.role in TAGGED_ROLES:
        built.metadata["tags"] = [TAGGED_ROLES[cell.role]]
    if cell.task:
        built.metadata["course"] = {"task": cell.task}
    if cell.role in BONUSES:
        built.metadata["course"] = {"bonus": cell.points}
    return built


def _nbgrader_metadata(cell: SourceCell) -> dict:
    graded = cell.role in (*MACHINE_GRADED, BY_HAND)
    metadata = {
        "schema_version": 3,
        # A stub may be called like its task: predict the function, predict the check.
        "grade_id": f"{cell.id}-stub" if cell.role == "stub" else cell.id,
        "grade": graded,
        "solution": cell.role in ("stub", BY_HAND),
        "locked": cell.role in MACHINE_GRADED,
        "task": False,
    }
    # To nbgrader a bonus has a maximum of 0: what it gives comes on top of the assignment's points.
    return metadata | ({"points": 0.0 if cell.role in BONUSES else cell.points} if graded else {})


def _cell_id(cell: SourceCell, taken: set[str]) -> str:
    wanted = cell.id or hashlib.sha256(cell.source.encode()).hexdigest()[:12]
    wanted = re.sub(r"[^a-zA-Z0-9_-]", "-", wanted)[:56]
    unique, number = wanted, 1
    while unique in taken:
        number += 1
        unique = f"{wanted}-{number}"
    taken.add(unique)
    return unique


def build_student_notebooks(
    assignment: str, folder: Path, db_url: str | None = None, settings: CourseSettings | None = None
) -> list[Path]:
    """Build the student notebooks of an assignment into `folder`, with nbgrader's `generate_assignment`.

    Args:
        db_url: the gradebook that learns of the assignment; without it a throw-away one.
        settings: where the notebooks and the bundle are online; None: what `notebooks/course.toml` says.

    Raises:
        CourseError: if nbgrader refuses, for example because graded cells changed after submissions were graded, or if
            a setting is no address.
    """
    settings = settings or read_settings()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for source in read_sources(assignment):
            _write(instructor_notebook(source, assignment), root / "solutions" / assignment / f"{source.name}.ipynb")
        _generate_assignment(root, assignment, db_url or f"sqlite:///{root / 'gradebook.db'}")
        built = sorted((root / "notebooks" / assignment).glob("*.ipynb"))
        for path in built:
            notebook = nbformat.read(path, as_version=4)
            put_online(notebook, f"{assignment}/{path.stem}", settings)
            _write(_stamped(notebook), folder / path.name)
    return [folder / path.name for path in built]


def _generate_assignment(root: Path, assignment: str, db_url: str) -> None:
    config = Config()
    configure(config, root)
    config.CourseDirectory.assignment_id = assignment
    config.CourseDirectory.db_url = db_url
    config.GenerateAssignment.create_assignment = True
    config.GenerateAssignment.preprocessors = [
        NameTheTask if preprocessor is ClearSolutions else preprocessor
        for preprocessor in GenerateAssignment.preprocessors.default_args[0]
    ]
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
    reasons = _ErrorLines()
    converter.log = logging.Logger("generate_assignment")  # its own: not whatever the running application logs to
    converter.log.addHandler(reasons)
    find_programs_beside_interpreter()
    try:
        converter.start()
    except (Exception, SystemExit) as error:  # nbgrader raises its own kinds, exits, and says why in its log only
        reason = " ".join(reasons.last.split()) or str(error)
        raise CourseError(f"nbgrader could not generate the assignment {assignment}: {reason}") from None


class _ErrorLines(logging.Handler):
    """Keeps the last line of the first traceback that nbgrader logs: the reason behind the later lines."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage().strip()
        if not self.last and message.startswith("Traceback"):
            self.last = message.splitlines()[-1]


def install(built: Iterable[Path], folder: Path) -> list[Path]:
    """Put built notebooks into `folder`; unchanged ones are not touched.

    Returns:
        The notebooks that were written.

    Raises:
        CourseError: if one there was edited or run since it was built. Then nothing is written.
    """
    pairs = [(path, folder / path.name) for path in built]
    edited = [target.name for _, target in pairs if target.exists() and is_edited(target)]
    if edited:
        raise CourseError(
            f"{', '.join(edited)} in {folder} was edited or run since it was built, and building would overwrite that: "
            "move it elsewhere or delete it, then build again. What students should see is edited in solutions/."
        )
    changed = [(path, target) for path, target in pairs if not _same(path, target)]
    folder.mkdir(parents=True, exist_ok=True)
    for path, target in changed:
        shutil.copyfile(path, target)
    return [target for _, target in changed]


def write_instructor_notebooks(assignment: str, folder: Path | None = None) -> list[Path]:
    """Build the notebooks with solutions into `folder`, by default beside their sources (not tracked in git)."""
    with tempfile.TemporaryDirectory() as scratch:
        built = []
        for source in read_sources(assignment):
            built.append(Path(scratch) / f"{source.name}.ipynb")
            _write(_stamped(instructor_notebook(source, assignment)), built[-1])
        return install(built, folder or SOLUTIONS / assignment)


def release(assignment: str, db_url: str | None = None) -> list[Path]:
    """Build the student notebooks into `notebooks/<assignment>`, as `make notebooks` and `make release` do.

    Args:
        db_url: the gradebook that learns of the assignment and its points; without it a throw-away one. If it holds
            marks for other points, a sentence on stderr says what to do about them.

    Raises:
        CourseError: if the gradebook would learn of points that do not add up; else as `build_student_notebooks` and
            `install`.
    """
    outdated = None
    if db_url:
        sources = read_sources(assignment)
        if problems := wrong_points(sources):
            raise CourseError(f"{assignment} was not released: {' '.join(problems)}")
        outdated = outdated_marks(sources, assignment, db_url)
    with tempfile.TemporaryDirectory() as scratch:
        written = install(build_student_notebooks(assignment, Path(scratch), db_url), NOTEBOOKS / assignment)
    if outdated:
        print(outdated, file=sys.stderr)
    return written


def is_edited(path: Path) -> bool:
    """Whether a notebook holds other cells or outputs than when it was built."""
    try:
        notebook = nbformat.read(path, as_version=4)
        return notebook.metadata.course.built != digest(notebook)
    except Exception:  # nbformat raises much for what is no notebook; whatever stands there is not what we built
        return True


def digest(notebook: NotebookNode) -> str:
    """A digest of a notebook's work: its cells' sources and outputs. Jupyter's own bookkeeping is no work."""
    work = [[cell.cell_type, cell.source, cell.get("outputs", [])] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()[:32]


def _stamped(notebook: NotebookNode) -> NotebookNode:
    notebook.metadata.setdefault("course", {})["built"] = digest(notebook)
    return notebook


def _write(notebook: NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")


def _same(path: Path, target: Path) -> bool:
    return target.exists() and path.read_bytes() == target.read_bytes()
