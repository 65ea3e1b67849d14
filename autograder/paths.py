"""Where things stand in the course's repository."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOLUTIONS = ROOT / "solutions"
NOTEBOOKS = ROOT / "notebooks"
HIDDEN_TESTS = ROOT / "autograder" / "hidden_tests"


def find_programs_beside_interpreter() -> None:
    """Put the interpreter's folder on PATH, if it is not there: nbgrader starts `alembic` by name."""
    beside, known = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if beside not in known.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([beside, known])
