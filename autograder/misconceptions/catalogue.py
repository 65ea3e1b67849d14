"""What students get wrong, task by task: each misconception is a small edit of the reference.

The entries stand in `<assignment>/<task>.py` beside this file, in a tuple MISCONCEPTIONS.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from autograder.misconceptions.variants import Change


@dataclass(frozen=True)
class Misconception:
    """A mistake with a name, what it costs, and what to tell a student who made it.

    `fails`, `also` and `perhaps` name hidden tests of the task, without `test_`, separated by spaces; `all` are all of
    them, `all but` all except those that follow.

    Args:
        task: the task's id.
        name: a few words, unique within the task.
        symptom: one sentence that says what such an answer does.
        hint: one sentence or question that leads to the idea and does not give the line.
        changes: how the reference becomes it.
        fails: tests whose points it costs: those of the properties that it is about.
        also: tests that it fails too, for they compare the same values; an answer that is right but for this
            misconception gets their points.
        perhaps: tests that find it or not, by a hair.
        public: whether the public checks of the notebook see it.
        random: its answers differ from run to run, so that only facts (same answer twice?) can be compared.
        alone: does without the functions of earlier tasks, so that it must be held against the whole reference.
        same_as: the name of another misconception of the task that no test can tell from this one.
    """

    task: str
    name: str
    symptom: str
    hint: str
    changes: tuple[Change, ...]
    fails: str
    also: str = ""
    perhaps: str = ""
    public: bool = True
    random: bool = False
    alone: bool = False
    same_as: str = ""


@cache
def misconceptions_of(assignment: str, task: str) -> tuple[Misconception, ...]:
    """The misconceptions of a task, in the order in which they are tried on a wrong answer."""
    if not (Path(__file__).parent / assignment / f"{task}.py").is_file():
        return ()
    return import_module(f"autograder.misconceptions.{assignment}.{task}").MISCONCEPTIONS


def tests_named(names: str, every: set[str]) -> set[str]:
    """The tests that a field such as `fails` names.

    Raises:
        LookupError: if one of them does not exist.
    """
    if names == "all":
        return set(every)
    named = set(names.removeprefix("all but ").split())
    if named - every:
        raise LookupError(f"There are no hidden tests {', '.join(sorted(named - every))}.")
    return every - named if names.startswith("all but ") else named
