"""nbgrader reads this file: `nbgrader autograde segformer` from this folder grades with our engine."""

import warnings
from pathlib import Path

from sqlalchemy.exc import SAWarning

from autograder.course.settings import configure

# nbgrader 0.9.6's own queries raise it for every student; nobody who grades can act on it.
warnings.filterwarnings("ignore", category=SAWarning)

configure(get_config(), Path(__file__).resolve().parent)  # noqa: F821 - nbgrader gives get_config
