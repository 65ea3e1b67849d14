"""The tricks that a ladder is built from: the student's own functions, out of the notebooks that define them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from segkit.errors import CourseError
from segkit.student import student_code

NOTEBOOKS = {
    "augment": "01_streets",
    "class_balanced_weights": "01_streets",
    "poly_restarts": "02_training",
    "ohem_loss": "02_training",
    "AuxiliaryHead": "02_training",
    "auxiliary_loss": "02_training",
    "multi_scale": "03_ladder",
}


class StudentTricks:
    """Functions and classes of the notebooks in the current folder, as attributes: `StudentTricks().ohem_loss`.

    Args:
        own: such as are at hand, and need not be read from a saved notebook.

    Raises:
        CourseError: for one that a notebook does not define, or, when it is called, that is not written yet.
    """

    def __init__(self, **own: Callable[..., Any]):
        self._own = own

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in NOTEBOOKS:
            raise AttributeError(name)
        try:
            found = self._own[name] if name in self._own else getattr(student_code(NOTEBOOKS[name]), name)
        except AttributeError as error:
            raise CourseError(str(error)) from error
        return _complaining(found, name)


def _complaining(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(function, updated=())
    def call(*arguments: Any, **settings: Any) -> Any:
        try:
            return function(*arguments, **settings)
        except NotImplementedError as error:
            raise CourseError(
                f"{name} in {NOTEBOOKS[name]}.ipynb is not written yet: complete its task and save the notebook."
            ) from error

    return call
