"""A class that the student wrote in the first assignment, shown so that it can be used again."""

import ast
from pathlib import Path

from segkit.errors import CourseError
from segkit.student import code_cells, read_notebook

MODULES = ("OverlapPatchMerging", "EfficientSelfAttention", "MixFFN", "MixTransformerEncoderLayer", "MLPDecoder")
UNFINISHED = "raise NotImplementedError"


def show_own_class(name: str, notebook="../segformer/02_modules.ipynb") -> None:
    """Print the source of a class from a notebook of yours, or one sentence that says why there is none to print.

    Args:
        name: of the class, one of MODULES or any other that the notebook defines.
        notebook: the file, as it was last saved.
    """
    try:
        print(own_class(name, notebook))
    except CourseError as error:
        print(error)


def own_class(name: str, notebook="../segformer/02_modules.ipynb") -> str:
    """The source of a class in a notebook: of its last definition, if there are several.

    Raises:
        CourseError: if there is no such notebook, it cannot be read, or it holds no finished class of that name.
    """
    path = Path(notebook)
    if not path.is_file():
        raise CourseError(f"There is no {path}: nothing to show, write {name} here.")
    found = [source for cell in code_cells(read_notebook(path)) for source in _classes(cell.source, name)]
    if not found:
        raise CourseError(f"{path} defines no class {name}: its classes are called {', '.join(MODULES)}.")
    if UNFINISHED in found[-1]:
        raise CourseError(f"{name} is not finished in {path}: write it here.")
    return found[-1]


def _classes(source: str, name: str) -> list[str]:
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError):  # a cell with magics, or one that was left in the middle of a line
        return []
    classes = [one for one in statements if isinstance(one, ast.ClassDef) and one.name == name]
    return [ast.get_source_segment(source, one) for one in classes]
