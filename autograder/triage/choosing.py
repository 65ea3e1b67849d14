"""Which of the files handed in is which released notebook: by its name, unless its content says otherwise."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.triage.cells import defined_names, squeezed
from autograder.triage.finding import HandedFile, HandedIn, UnreadableError
from autograder.triage.matching import ReleasedCell, released_cells
from autograder.triage.reading import HandedNotebook, read_notebook
from autograder.triage.sentences import listing

MAX_FILES = 50
MAX_BYTES = 512 * 2**20
_CLEAR = 3  # that many traits of one notebook, and twice as many as of any other, outweigh a file's name


@dataclass(frozen=True)
class Chosen:
    """What stands for a released notebook: a notebook as handed in, or a sentence that says why there is none."""

    notebook: HandedNotebook | None
    sentence: str | None  # with a notebook: how it was found, if that needs saying


@dataclass
class _Candidate:
    file: HandedFile
    notebook: HandedNotebook | None
    why_not: str | None
    named: str | None  # the released notebook that it is called like
    exact: bool
    content: str | None = None  # the one that it clearly holds
    edited: int = 0

    @property
    def target(self) -> str | None:
        return self.content or self.named


def choose(handed: HandedIn, released: Mapping[str, NotebookNode]) -> tuple[dict[str, Chosen], list[str]]:
    """For every released notebook what stands for it, and sentences about files that were left aside."""
    cells = {name: released_cells(notebook) for name, notebook in released.items()}
    traits = _traits(cells)
    assignments = {notebook.metadata.get("course", {}).get("assignment") for notebook in released.values()} - {None}
    exact = {f"{name}.ipynb" for name in released}
    files = sorted(handed.files, key=lambda file: (file.parts[-1] not in exact, file.rank))
    read, unread = _within_limits(files)
    candidates = [_candidate(file, traits, cells, assignments) for file in read]
    notes = [f"Too many notebooks, not looked at: {listing(file.label for file in unread)}."] if unread else []
    groups = defaultdict(list)
    for candidate in candidates:
        groups[candidate.target].append(candidate)
    foreign = groups.pop(None, [])
    if foreign:
        notes.append(f"Notebooks that are none of this assignment were left aside: {_labels(foreign)}.")
    chosen = {}
    for name in released:
        first, *others = sorted(groups[name], key=_preference(name)) or [None]
        chosen[name] = _choice(name, first, candidates, handed)
        if others:
            notes.append(_left_aside(name, first, others))
    return chosen, notes


def _within_limits(files: Sequence[HandedFile]) -> tuple[list[HandedFile], list[HandedFile]]:
    read, unread, total = [], [], 0
    for file in files:
        fits = len(read) < MAX_FILES and total + file.size <= MAX_BYTES
        (read if fits else unread).append(file)
        total += file.size if fits else 0
    return read, unread


def _candidate(
    file: HandedFile, traits: Mapping[str, set], cells: Mapping[str, list[ReleasedCell]], assignments: set[str]
) -> _Candidate:
    exact = file.parts[-1] in {f"{name}.ipynb" for name in traits}
    named = file.stem if exact else _named(file.stem, list(traits))
    try:
        notebook = read_notebook(file.read(), file.label)
    except UnreadableError as error:
        return _Candidate(file, None, str(error), named, exact)
    except Exception as error:  # no memory, or a mistake of ours: one file must not stop a class
        sentence = f"{file.label} could not be read ({type(error).__name__}): please report this."
        return _Candidate(file, None, sentence, named, exact)
    found = _student_traits(notebook)
    counts = Counter({name: len(found & own) for name, own in traits.items()})
    (best, most), second = counts.most_common(1)[0], sorted(counts.values())[-2:-1]
    candidate = _Candidate(file, notebook, None, named, exact)
    if most >= _CLEAR and most >= 2 * max(second, default=0):
        candidate.content = best
    elif most == 0 and assignments and notebook.assignment and notebook.assignment not in assignments:
        candidate.named = None  # it says that it belongs to another assignment, and nothing in it says otherwise
    if candidate.target:
        known = {cell.squeezed for cell in cells[candidate.target]}
        candidate.edited = sum(squeezed(cell.source) not in known for cell in notebook.cells)
    return candidate


def _traits(cells: Mapping[str, Sequence[ReleasedCell]]) -> dict[str, set]:
    """What only one of the released notebooks has: grading ids, cell ids, texts, names that stubs define."""
    traits = {}
    for name, released in cells.items():
        traits[name] = {("id", cell.node.id) for cell in released} | {("text", cell.squeezed) for cell in released}
        traits[name] |= {("marks", cell.grade_id) for cell in released if cell.grade_id}
        traits[name] |= {("name", defined) for cell in released if cell.role == "stub" for defined in cell.defined}
    shared = Counter(trait for own in traits.values() for trait in own)
    return {name: {trait for trait in own if shared[trait] == 1} for name, own in traits.items()}


def _student_traits(notebook: HandedNotebook) -> set:
    traits = {("id", cell.id) for cell in notebook.cells} | {("marks", cell.grade_id) for cell in notebook.cells}
    traits |= {("text", squeezed(cell.source)) for cell in notebook.cells}
    return traits | {("name", name) for cell in notebook.cells for name in defined_names(cell.source)}


def _named(stem: str, names: Sequence[str]) -> str | None:
    """The released name that a file's name contains: `2_modules-Copy1` is `02_modules`; None unless it is one."""
    words = _words(stem)
    wanted = {name: _words(name) for name in names}
    contained = [
        name
        for name, own in wanted.items()
        if any(words[at : at + len(own)] == own for at in range(len(words) - len(own) + 1))
    ]
    if len(contained) == 1:
        return contained[0]
    part = [name for name, own in wanted.items() if words and (words == own[:1] or words == own[1:])]
    return part[0] if not contained and len(part) == 1 else None


def _words(name: str) -> list[str | int]:
    plain = unicodedata.normalize("NFKD", name[:255]).casefold()
    return [int(word) if word.isdigit() else word for word in re.findall(r"[0-9]+|[^\W\d_]+", plain)]


def _preference(name: str):
    """Which of several files stands for a notebook: one that can be read and has work in it, of the exact name."""

    def key(candidate: _Candidate) -> tuple:
        exact = candidate.exact and candidate.named == name
        nearest = candidate.file.rank[:2] if exact else ()
        untouched = candidate.edited == 0  # opened and left, beside the copy that was worked in
        return (candidate.notebook is None, untouched, not exact, nearest, -candidate.edited, candidate.file.rank)

    return key


def _choice(name: str, first: _Candidate | None, candidates: Sequence[_Candidate], handed: HandedIn) -> Chosen:
    if first is None:
        if f"{name}.ipynb" in handed.blocked:
            return Chosen(None, handed.blocked[f"{name}.ipynb"])
        [*elsewhere] = [c for c in candidates if c.exact and c.named == name]
        if elsewhere:
            return Chosen(None, f"{name}.ipynb was not handed in: the file of that name holds {elsewhere[0].content}.")
        return Chosen(None, f"{name}.ipynb was not handed in.")
    if first.notebook is None:
        return Chosen(None, first.why_not)
    if first.named != name and first.named:
        return Chosen(first.notebook, f"This notebook was handed in as {first.file.label}, the name of another one.")
    if not first.exact or first.file.place > 0:
        return Chosen(first.notebook, f"This notebook was handed in as {first.file.label}.")
    return Chosen(first.notebook, None)


def _left_aside(name: str, first: _Candidate, others: Sequence[_Candidate]) -> str:
    work = f"{first.edited} edited cells against {', '.join(str(other.edited) for other in others[:6])}"
    return f"For {name}, {first.file.label} was taken and {_labels(others)} left aside ({work})."


def _labels(candidates: Sequence[_Candidate]) -> str:
    return listing(candidate.file.label for candidate in candidates)
