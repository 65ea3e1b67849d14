"""Whom a notebook names as its group: `GROUP = ["ada", "grace"]` in a code cell, read and never executed."""

import ast
import warnings

from nbformat import NotebookNode

NAME = "GROUP"
MAX_SOURCE = 5_000  # characters of a cell; what is nested deeply enough to trouble the parser is longer
MAX_NAMES, MAX_LENGTH = 50, 100


def named_group(notebook: NotebookNode) -> tuple[str, ...]:
    """The names that the last such assignment gives, each once; none if there is none that can be read."""
    named: tuple[str, ...] = ()
    for cell in notebook.cells:
        if cell.cell_type == "code" and NAME in cell.source and len(cell.source) <= MAX_SOURCE:
            named = _assigned(cell.source) or named
    return named


def _assigned(source: str) -> tuple[str, ...]:
    named: tuple[str, ...] = ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a student's text, which nobody here can mend
            for line in ast.parse(source).body:
                if isinstance(line, ast.Assign) and any(_is_name(target) for target in line.targets):
                    named = _names(ast.literal_eval(line.value)) or named
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        pass  # no literal, or no Python
    return named


def _is_name(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == NAME


def _names(value: object) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    names = [one.strip() for one in found if isinstance(one, str) and len(one) <= MAX_LENGTH]
    return tuple(dict.fromkeys(filter(None, names)))[:MAX_NAMES]
