"""The mutants: the reference's stubs, each with one small change between the solution markers."""

import ast
import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from autograder.misconceptions import Edit
from autograder.sources import BEGIN, CHECKS, END, Source, SourceCell, read_sources
from mutation.operators import all_operators


@dataclass(frozen=True)
class Mutant:
    """A change of one stub, and the task whose hidden tests should see it.

    `line` is the first line that changes and `becomes` what it becomes: together with the cell's id they name the
    mutant wherever the line stands.
    """

    assignment: str
    task: str
    operator: str
    edit: Edit
    line: str
    becomes: str

    @property
    def name(self) -> tuple[str, str, str]:
        """What it is called in `equivalent.toml`."""
        return self.edit.cell, self.line, self.becomes

    @property
    def digest(self) -> str:
        """Changes with the cell and with the change."""
        text = "\0".join([self.assignment, self.task, self.edit.cell, self.edit.old, self.edit.new])
        return sha256(text.encode()).hexdigest()[:20]


def mutants_of(assignment: str) -> Iterator[Mutant]:
    """All mutants of an assignment, in the order of its notebooks."""
    for source in read_sources(assignment):
        for cell, task in graded_stubs(source):
            yield from mutants_of_cell(assignment, task, cell.id, cell.source)


def unchanged(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    """For each task of some mutants the reference as it is: what kills that one finds fault with everything."""
    for mutant in {mutant.task: mutant for mutant in mutants}.values():
        edit = Edit(mutant.edit.cell, mutant.edit.old, mutant.edit.old)
        yield Mutant(mutant.assignment, mutant.task, "nothing", edit, "the reference", "the reference")


def graded_stubs(source: Source) -> Iterator[tuple[SourceCell, str]]:
    """The stubs of a notebook, each with the id of the check that follows it: the task whose tests ask for it."""
    waiting = []
    for cell in source.cells:
        if cell.role == "stub":
            waiting.append(cell)
        elif cell.role in CHECKS:
            yield from ((stub, cell.id) for stub in waiting)
            waiting = []


def mutants_of_cell(assignment: str, task: str, cell: str, text: str) -> Iterator[Mutant]:
    """The mutants of one stub; what several operators make comes once, and what is no Python not at all."""
    seen = {_meaning(text)}
    for operator, mutated in mutated_texts(text):
        meaning = _meaning(mutated)
        if meaning is not None and meaning not in seen:
            seen.add(meaning)
            yield Mutant(assignment, task, operator, Edit(cell, text, mutated), *changed_lines(text, mutated))


def mutated_texts(text: str) -> Iterator[tuple[str, str]]:
    """Each operator's name with each text that it makes of a cell by changing what stands between solution markers."""
    inside = solution_lines(text)
    nodes = list(ast_nodes(get_ast(text)))
    for name, operator in all_operators().items():
        places = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for occurrence, (line, _) in enumerate(places):
            if line in inside:
                yield name, mutate_code(text, operator, occurrence)


def solution_lines(text: str) -> set[int]:
    """The numbers, from 1, of the lines between solution markers."""
    found, inside = set(), False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
        elif inside:
            found.add(number)
    return found


def changed_lines(before: str, after: str) -> tuple[str, str]:
    """The first line that changes, and all lines that stand in its place, joined; comments are left out."""
    old, new = ([line.partition("  # ")[0] for line in text.splitlines()] for text in (before, after))
    changes = [
        change for change in difflib.SequenceMatcher(None, old, new, False).get_opcodes() if change[0] != "equal"
    ]
    first, last = changes[0], changes[-1]
    return old[first[1]].strip(), " ".join(line.strip() for line in new[first[3] : last[4]])


def _meaning(text: str) -> str | None:
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return None
