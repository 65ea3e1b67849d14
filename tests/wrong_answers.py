"""Wrong answers and the hidden tests that must find them: those that a mistake concerns and no others.

`fails` names hidden tests without `test_`, separated by spaces. `hidden` marks what public checks are not meant to see.
"""

from dataclasses import dataclass

from answers import Change, Code, Edit, hidden_tests


@dataclass(frozen=True)
class Wrong:
    """A wrong answer: what was changed, and the tests that fail."""

    task: str
    what: str
    changes: tuple[Change, ...]
    fails: str
    public: bool = True

    def failing(self) -> set[str]:
        """The names of the tests; `all` is every one of the task, `all but` every one but those that follow."""
        names = self.fails.removeprefix("all but ").split()
        if self.fails == "all":
            return set(hidden_tests(self.task))
        return set(hidden_tests(self.task)) - set(names) if self.fails.startswith("all but ") else set(names)


def edit(task: str, what: str, cell: str, old: str, new: str, fails: str, **more: bool) -> Wrong:
    """One edit of one cell."""
    return Wrong(task, what, (Edit(cell, old, new),), fails, **more)


def code(task: str, what: str, notebook: str, text: str, fails: str, **more: bool) -> Wrong:
    """A whole definition instead of the reference's."""
    return Wrong(task, what, (Code(notebook, text),), fails, **more)


LABELS = [
    edit("label_mapping", "boats (77) forgotten", "map_labels", "    table[list(listed)]",
         "        listed = [number for number in listed if number != 77]\n        table[list(listed)]", "vehicles"),
]
