"""segkit: the small library that the course's notebooks import.

`check(task)` tries the task of the notebook that calls it; `student_code(notebook)` gives a later notebook what an
earlier one defines. Everything else is imported by its module: `segkit.data`, `segkit.training`, `segkit.plots`.
"""

from segkit.checking.notebook import check
from segkit.errors import CourseError
from segkit.student import student_code

__all__ = ["CourseError", "check", "student_code"]
