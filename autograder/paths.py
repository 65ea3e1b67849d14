"""Where things stand in the course's repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOLUTIONS = ROOT / "solutions"
NOTEBOOKS = ROOT / "notebooks"
HIDDEN_TESTS = ROOT / "autograder" / "hidden_tests"
