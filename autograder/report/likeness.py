"""Which two students' code is alike beyond what the class has in common.

copydetect cuts each student's code of a notebook into passages, as MOSS does: pieces of `PASSAGE` characters in which
every name is a V, every string an S, and comments and layout are gone. A passage counts by how rare it is: 1 if these
two alone have it, 0 if the whole class has it. So a short answer for which there is one natural way adds little.
"""

import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from autograder.report.code import canonical

PASSAGE = 25  # characters of normalised code: about two short statements
FEWEST_STUDENTS = 5  # among fewer nobody can say what is rare
FEWEST_PASSAGES = 40  # of a student: less code than that says nothing
LEAST_SHARE = 0.3  # of a pair, however far it stands out
LEAST_SHARED = 80  # passages, weighted: some ten statements
LONGEST = 20_000  # characters of a notebook's code that are looked at
_AT_ONCE = 4096  # passages in a matrix


@dataclass(frozen=True)
class Pair:
    """Two students whose code of one notebook is alike; `share`: how much of the shorter one's, 0 to 1."""

    notebook: str
    students: tuple[str, str]
    share: float


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
    first, second = np.tril_indices(len(found), -1)
    shared, sizes = _shared(list(found.values()))
    weights, values = shared[first, second], shared[first, second] / np.minimum(sizes[first], sizes[second])
    low, usual, high = np.quantile(values, (0.25, 0.5, 0.75))
    limit = max(LEAST_SHARE, float(high + 3 * (high - low)))  # Tukey's outer fence
    names = list(found)
    order = [at for at in np.argsort(-values, kind="stable") if values[at] > limit and weights[at] >= LEAST_SHARED]
    pairs = [Pair(notebook, (names[second[at]], names[first[at]]), float(values[at])) for at in order]
    return Comparison(notebook, len(found), float(usual), limit, pairs)


def passages(code: str) -> set[int]:
    """The passages of a piece of code, as numbers that are the same for the same passage in this process.

    All are kept, with no winnowing: which ones that keeps would differ from run to run, and there is time.
    """
    from copydetect import CodeFingerprint  # takes a second: it imports matplotlib

    text = canonical(code[:LONGEST])
    return CodeFingerprint("", PASSAGE, 1, language="python", fp=io.StringIO(text)).hashes


def _shared(found: list[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    """By pair the weight of the passages that both have, and by student their number.

    Whoever wrote less than half of what is usual counts as having written half: little code is easily alike.
    """
    sizes = np.array([len(own) for own in found], dtype=float)
    shared = np.zeros((len(found), len(found)))
    for holds, weights in _matrices(found):
        shared += (holds * weights) @ holds.T
    return shared, np.maximum(sizes, np.median(sizes) / 2)


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
