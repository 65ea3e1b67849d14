"""Which two students' code is alike beyond what the class has in common.

copydetect cuts each student's code of a notebook into passages, as MOSS does: pieces of `PASSAGE` characters in which
every name is a V, every string an S, and comments and layout are gone. A passage counts by how rare it is: 1 if these
two alone have it, 0 if the whole class has it. So a short answer for which there is one natural way adds little.
"""

import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from autograder.report.code import canonical

PASSAGE = 25  # characters of normalised code: about two short statements
FEWEST_STUDENTS = 5  # among fewer nobody can say what is rare
FEWEST_PASSAGES = 40  # of a student: less code than that says nothing
LEAST_SHARE = 0.35  # of a pair, however far it stands out
LARGEST_GROUP = 5  # students that copy from each other and are found
FACTOR = 1.5  # by which a pair must exceed what either has in common with others
LEAST_SHARED = 100  # passages, weighted: some ten statements
LONGEST = 20_000  # characters of a notebook's code that are looked at
MOST_SHOWN = 10  # pairs of a notebook of which the code is shown
_AT_ONCE = 4096  # passages in a matrix

Lines = list[tuple[str, bool]]


@dataclass(frozen=True)
class Pair:
    """Two students whose code of one notebook is alike; `share`: how much of the shorter one's, 0 to 1.

    `code`: of both, line by line, in one layout, and whether the other one has it, too.
    """

    notebook: str
    students: tuple[str, str]
    share: float
    code: tuple[Lines, Lines] | None = None


@dataclass(frozen=True)
class Comparison:
    """All pairs of one notebook: how many students have enough code, the usual share, and from where one stands out."""

    notebook: str
    students: int
    usual: float
    limit: float
    pairs: list[Pair]


def compare(notebook: str, codes: Mapping[str, str], expected: Iterable[str] = ()) -> Comparison:
    """Compare every two students' code of a notebook.

    Args:
        codes: by student what was written.
        expected: code of which no passage counts: what was released, and what the reference says.
    """
    known = set().union(*map(passages, expected))
    found = {student: passages(code) - known for student, code in codes.items()}
    found = {student: own for student, own in sorted(found.items()) if len(own) >= FEWEST_PASSAGES}
    if len(found) < FEWEST_STUDENTS:
        return Comparison(notebook, len(found), 0.0, 1.0, [])
    shared, sizes = _shared(list(found.values()))
    shares = shared / np.minimum(sizes[:, None], sizes[None, :])
    first, second = np.tril_indices(len(found), -1)
    values = shares[first, second]
    low, usual, high = np.quantile(values, (0.25, 0.5, 0.75))
    limit = max(LEAST_SHARE, float(high + 3 * (high - low)))  # Tukey's outer fence
    above_others = values > FACTOR * _ordinary(shares)[[first, second]].max(axis=0)
    stands_out = (values > limit) & (shared[first, second] >= LEAST_SHARED) & above_others
    names = list(found)
    order = [at for at in np.argsort(-values, kind="stable") if stands_out[at]]
    pairs = [Pair(notebook, (names[second[at]], names[first[at]]), float(values[at])) for at in order]
    shown = [
        replace(pair, code=side_by_side(*(codes[one] for one in pair.students), known)) for pair in pairs[:MOST_SHOWN]
    ]
    pairs = [*shown, *pairs[MOST_SHOWN:]]
    return Comparison(notebook, len(found), float(usual), limit, pairs)


def passages(code: str) -> set[int]:
    """The passages of a piece of code, as numbers that are the same for the same passage in this process.

    All are kept, with no winnowing: which ones that keeps would differ from run to run, and there is time.
    """
    return _fingerprint(code).hashes


def _fingerprint(code: str):
    from copydetect import CodeFingerprint  # takes a second: it imports matplotlib

    text = canonical(code[:LONGEST])
    return CodeFingerprint("", PASSAGE, 1, language="python", fp=io.StringIO(text))


def side_by_side(one: str, other: str, known: set[int]) -> tuple[Lines, Lines]:
    """The code of two students, and which lines belong to passages that both have and that are not `known`."""
    from copydetect import compare_files

    prints = _fingerprint(one), _fingerprint(other)
    for print in prints:
        print.hashes = print.hashes - known
    _, _, slices = compare_files(*prints)
    return _marked(prints[0].raw_code, slices[0]), _marked(prints[1].raw_code, slices[1])


def _marked(code: str, slices: np.ndarray) -> Lines:
    lines, at = [], 0
    starts, ends = slices if len(slices) else ((), ())
    for line in code.split("\n"):
        covered = (min(end, at + len(line)) - max(start, at) for start, end in zip(starts, ends, strict=True))
        lines.append((line, sum(max(0, length) for length in covered) > len(line.strip()) / 2))
        at += len(line) + 1
    return lines


def _shared(found: list[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    """By pair the weight of the passages that both have, and by student their number.

    Whoever wrote less than half of what is usual counts as having written half: little code is easily alike.
    """
    sizes = np.array([len(own) for own in found], dtype=float)
    shared = np.zeros((len(found), len(found)))
    for holds, weights in _matrices(found):
        shared += (holds * weights) @ holds.T
    return shared, np.maximum(sizes, np.median(sizes) / 2)


def _ordinary(shares: np.ndarray) -> np.ndarray:
    """What each student has in common with others, a few who may have worked together left out.

    Whoever goes a way that many go is like many: then being like one of them says little.
    """
    others = shares.copy()
    np.fill_diagonal(others, 0.0)
    place = min(LARGEST_GROUP, len(shares) - 1)
    return -np.sort(-others, axis=1)[:, place - 1]


def _matrices(found: list[set[int]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Who has which passage, and their weights; some thousand at a time, those that only one has left out."""
    times = Counter(passage for own in found for passage in own)
    shared = [passage for passage, number in times.items() if number > 1]
    for start in range(0, len(shared), _AT_ONCE):
        part = {passage: column for column, passage in enumerate(shared[start : start + _AT_ONCE])}
        holds = np.zeros((len(found), len(part)), dtype=np.float32)
        for row, own in enumerate(found):
            holds[row, [part[passage] for passage in own if passage in part]] = 1
        weights = [math.log(len(found) / times[passage]) / math.log(len(found) / 2) for passage in part]
        yield holds, np.array(weights, dtype=np.float32)
