"""The catalogue of misconceptions: what they are, and the reference with one of them built in."""

from autograder.misconceptions.catalogue import Misconception, misconceptions_of, tests_named
from autograder.misconceptions.variants import Change, Code, Edit, cells_with, edits

__all__ = ["Change", "Code", "Edit", "Misconception", "cells_with", "edits", "misconceptions_of", "tests_named"]
