"""What a student's notebook defines, without running what it only tries out.

One loader serves `student_code("02_modules")` in a later notebook and the grader: it executes the top-level imports,
definitions and assignments of untagged code cells, in order, so that the last definition of a name wins. Training
runs, plots and calls at the top level are left out.
"""

import ast
import codeop
import json
import linecache
import re
import sys
import traceback
import types
from dataclasses import dataclass, field
from functools import lru_cache
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
_IPYTHON_LINE = re.compile(r"^([ \t]*)(?:%{1,2}\w.*|[!?].*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)
_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
_MAGICS_THAT_DEFINE = {"time", "capture"}  # what stands under the others (%%bash, %%writefile) is not for this notebook


@dataclass(frozen=True)
class Cell:
    """A code cell: its source and its number among all cells of the notebook, counted from 1."""

    number: int
    source: str


@dataclass
class StudentModule:
    """What a notebook defined, and one sentence for each statement that failed.

    `files` holds the notebooks it was read from, its own and those that it builds on, and when they were saved (ns).
    """

    module: types.ModuleType
    problems: list[str] = field(default_factory=list)
    files: dict[Path, int] = field(default_factory=dict)


def code_cells(notebook: dict) -> list[Cell]:
    """The code cells of a notebook (parsed JSON) that define something for later: those without a skipped tag."""
    found = notebook.get("cells")
    cells = []
    for number, cell in enumerate(found if isinstance(found, list) else [], start=1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code" and not SKIPPED_TAGS.intersection(_tags(cell)):
            source = cell.get("source", "")
            lines = source if isinstance(source, list) else [source]
            cells.append(Cell(number, "".join(line for line in lines if isinstance(line, str))))
    return cells


def _tags(cell: dict) -> list[str]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def load_cells(name: str, cells: list[Cell]) -> StudentModule:
    """Execute imports, definitions and assignments of `cells` in a new module called `name`.

    A statement that fails is reported in `problems` and the rest goes on: one unfinished cell must not take away
    the others.
    """
    module = types.ModuleType(f"student_{name}")
    sys.modules[module.__name__] = module  # dataclasses and typing look a class's module up here
    loaded = StudentModule(module)
    compiler = codeop.Compile()  # as in Jupyter, `from __future__ import annotations` holds for all cells after it
    for cell in cells:
        where = f"cell {cell.number} of {name}"
        try:
            tree = _parse(cell.source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            loaded.problems.append(f"{where} is not valid Python ({_reason(error)}), so nothing in it is defined")
            continue
        filename = f"<{where}>"
        # Where tracebacks and `inspect` look for a source line; without a time it is never taken for a stale file.
        linecache.cache[filename] = (len(cell.source), None, cell.source.splitlines(keepends=True), filename)
        for index, statement in enumerate(tree.body):
            if isinstance(statement, _KEPT_STATEMENTS):
                problem = _execute(cell.source, index, filename, module, compiler)
                if problem:
                    loaded.problems.append(f"{where}, line {statement.lineno}: {problem}")
    return loaded


def _reason(error: Exception) -> str:
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{error.msg}, line {error.lineno}"
    return str(error)


@lru_cache(maxsize=512)
def _parse(source: str) -> ast.Module:
    """The syntax tree of a cell, without what only IPython understands (`%magic`, `!command`, `name?`)."""
    magic = _CELL_MAGIC.match(source)
    if magic and magic[1] not in _MAGICS_THAT_DEFINE:
        return ast.Module(body=[], type_ignores=[])
    try:
        return ast.parse(source)
    except SyntaxError:  # only now: a line of Python may begin with the operator %
        return ast.parse(_IPYTHON_LINE.sub(r"\1pass", source))


def _execute(source: str, index: int, filename: str, module: types.ModuleType, compiler: codeop.Compile) -> str | None:
    try:
        code, compiler.flags = _compiled(source, index, filename, compiler.flags)
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:  # a student's statement may raise anything; it is reported, not ours
        return str(error) if isinstance(error, CourseError) else traceback.format_exception_only(error)[-1].strip()
    return None


@lru_cache(maxsize=8192)  # the grader loads hundreds of variants of one notebook, each with another cell
def _compiled(source: str, index: int, filename: str, flags: int) -> tuple[types.CodeType, int]:
    """A statement of a cell, compiled, and the flags for what comes after it."""
    compiler = codeop.Compile()
    compiler.flags = flags
    statement = ast.Module(body=[_parse(source).body[index]], type_ignores=[])
    return compiler(statement, filename, "exec"), compiler.flags


_provided: dict[str, list[Cell]] = {}
_loaded: dict[Path | str, StudentModule] = {}
_loading: dict[Path | str, dict[Path, int]] = {}  # notebooks that are being executed, the innermost last


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
        CourseError: if there is no such notebook, it cannot be read, or it builds on itself.
    """
    place = notebook if _provided else Path(f"{notebook}.ipynb").resolve()
    if place in _loading:
        raise CourseError(
            f'{notebook}.ipynb builds on itself: student_code("{notebook}") may stand in later notebooks only.'
        )
    if place not in _loaded or any(_saved(path) != saved for path, saved in _loaded[place].files.items()):
        _loaded[place] = _load(notebook, place)
    for files in _loading.values():  # whoever is being loaded builds on this one
        files.update(_loaded[place].files)
    return _loaded[place].module


def sources_of(notebook: str) -> dict[str, list[Cell]]:
    """The cells of a notebook of yours and of those that it builds on, as `student_code` executes them, by name.

    Raises:
        CourseError: if one of them is not there, or cannot be read.
    """
    found: dict[str, list[Cell]] = {}
    waiting = [notebook]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = code_cells(read_notebook(Path(f"{name}.ipynb")))
            waiting += [other for cell in found[name] for other in _built_on(cell)]
    return found


def _built_on(cell: Cell) -> list[str]:
    """The notebooks whose code a cell asks for, wherever in it; a cell that is no Python asks for none."""
    try:
        calls = [node for node in ast.walk(_parse(cell.source)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    calls = [call for call in calls if ast.unparse(call.func).rpartition(".")[2] == student_code.__name__]
    asked = [argument for call in calls for argument in (*call.args, *(named.value for named in call.keywords))]
    return [argument.value for argument in asked if isinstance(argument, ast.Constant) and type(argument.value) is str]


def _load(notebook: str, place: Path | str) -> StudentModule:
    if isinstance(place, Path):
        files, cells = {place: _saved(place)}, code_cells(read_notebook(place))
    elif notebook in _provided:
        files, cells = {}, _provided[notebook]
    else:
        raise CourseError(f"{notebook}.ipynb was not handed in.")
    _loading[place] = files
    try:
        loaded = load_cells(notebook, cells)
    finally:
        del _loading[place]
    loaded.files = files
    loaded.module.__getattr__ = _explain_missing(notebook, loaded.problems)
    return loaded


def _saved(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


def read_notebook(path: Path) -> dict:
    """A notebook's file as parsed JSON.

    Raises:
        CourseError: if there is none, or it cannot be read.
    """
    if not path.is_file():
        raise CourseError(
            f"There is no {path.name} in {path.parent}: keep the notebooks that belong together in one "
            f"folder and save {path.name} before you go on."
        )
    try:
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise CourseError(
            f"{path.name} could not be read as a notebook ({error}): save it again from Jupyter."
        ) from None
    if not isinstance(notebook, dict):
        raise CourseError(f"{path.name} holds no notebook: save it again from Jupyter.")
    return notebook


def _explain_missing(notebook: str, problems: list[str]):
    def explain(name: str):
        if name.startswith("__"):  # Python itself asks for such names (copy, pickle, inspect)
            raise AttributeError(name)
        reason = f" While it was loaded: {'; '.join(problems).rstrip('.')}." if problems else ""
        raise AttributeError(
            f"{notebook}.ipynb does not define {name} yet: complete its task there and save the notebook.{reason}"
        )

    return explain
