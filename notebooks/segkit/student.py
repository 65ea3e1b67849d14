"""What a student's notebook defines, without running what it only tries out.

One loader serves `student_code("02_modules")` in a later notebook and the grader: it executes the top-level imports,
definitions and assignments of untagged code cells, in order, so that the last definition of a name wins. Training
runs, plots and calls at the top level are left out.
"""

import ast
import json
import re
import sys
import traceback
import types
from dataclasses import dataclass, field
from pathlib import Path

from segkit.errors import CourseError

SKIPPED_TAGS = frozenset({"experiment", "check"})
_KEPT_STATEMENTS = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
)
_SHELL_LINE = re.compile(r"^\s*[%!].*$", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A code cell: its source and its number among all cells of the notebook, counted from 1."""

    number: int
    source: str


@dataclass
class StudentModule:
    """What a notebook defined, and one sentence for each statement that failed."""

    module: types.ModuleType
    problems: list[str] = field(default_factory=list)


def code_cells(notebook: dict) -> list[Cell]:
    """The code cells of a notebook (parsed JSON) that define something for later: those without a skipped tag."""
    cells = []
    for number, cell in enumerate(notebook.get("cells", []), start=1):
        tags = cell.get("metadata", {}).get("tags", [])
        if cell.get("cell_type") == "code" and not SKIPPED_TAGS.intersection(tags):
            source = cell.get("source", "")
            cells.append(Cell(number, source if isinstance(source, str) else "".join(source)))
    return cells


def load_cells(name: str, cells: list[Cell]) -> StudentModule:
    """Execute imports, definitions and assignments of `cells` in a new module called `name`.

    A statement that fails is reported in `problems` and the rest goes on: one unfinished cell must not take away
    the others.
    """
    module = types.ModuleType(f"student_{name}")
    sys.modules[module.__name__] = module  # dataclasses and typing look a class's module up here
    loaded = StudentModule(module)
    for cell in cells:
        where = f"cell {cell.number} of {name}"
        try:
            tree = ast.parse(_SHELL_LINE.sub("", cell.source))
        except (SyntaxError, ValueError) as error:
            loaded.problems.append(f"{where} is not valid Python ({error}), so nothing in it is defined")
            continue
        for statement in tree.body:
            if isinstance(statement, _KEPT_STATEMENTS):
                problem = _execute(statement, f"<{where}>", module)
                if problem:
                    loaded.problems.append(f"{where}, line {statement.lineno}: {problem}")
    return loaded


def _execute(statement: ast.stmt, filename: str, module: types.ModuleType) -> str | None:
    try:
        code = compile(ast.Module(body=[statement], type_ignores=[]), filename, "exec")
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:  # a student's statement may raise anything; it is reported, not ours
        return traceback.format_exception_only(error)[-1].strip()
    return None


_provided: dict[str, list[Cell]] = {}
_loaded: dict[tuple, StudentModule] = {}


def provide_sources(sources: dict[str, list[Cell]]) -> None:
    """Let `student_code` answer from these cells instead of from files: the grader's worker has no notebooks."""
    _provided.clear()
    _provided.update(sources)
    _loaded.clear()


def loaded_modules() -> list[types.ModuleType]:
    """The modules that `student_code` has given out so far."""
    return [loaded.module for loaded in _loaded.values()]


def student_code(notebook: str) -> types.ModuleType:
    """The functions and classes that an earlier notebook of yours defines.

    Args:
        notebook: name without its ending, for example `"02_modules"`. The file is read as it was last saved, from the
            folder of the notebook that calls this.

    Returns:
        A module: `student_code("02_modules").MixFFN` is the class you wrote there.

    Raises:
        CourseError: if there is no such notebook, or it cannot be read.
    """
    if notebook in _provided:
        key = (notebook, None)
        cells = _provided[notebook]
    elif _provided:
        raise CourseError(f"{notebook}.ipynb was not handed in.")
    else:
        path = Path(f"{notebook}.ipynb").resolve()
        if not path.is_file():
            raise CourseError(
                f"There is no {path.name} in {path.parent}: keep the five notebooks in one folder and save "
                f"{path.name} before you go on."
            )
        key = (notebook, path.stat().st_mtime_ns)
        cells = code_cells(_read_notebook(path))
    if key not in _loaded:
        _loaded[key] = load_cells(notebook, cells)
        _loaded[key].module.__getattr__ = _explain_missing(notebook, _loaded[key].problems)
    return _loaded[key].module


def _read_notebook(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise CourseError(
            f"{path.name} could not be read as a notebook ({error}): save it again from Jupyter."
        ) from None


def _explain_missing(notebook: str, problems: list[str]):
    def explain(name: str):
        if name.startswith("__"):  # Python itself asks for such names (copy, pickle, inspect)
            raise AttributeError(name)
        reason = f" While it was loaded: {'; '.join(problems)}." if problems else ""
        raise AttributeError(
            f"{notebook}.ipynb does not define {name} yet: complete its task there and save the notebook.{reason}"
        )

    return explain
