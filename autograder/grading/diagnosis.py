"""Recognises mistakes: holds the answers of a wrong submission against those of every misconception of its task.

A misconception is the reference with a small edit. If a submission's answers are the misconception's, wrong ones and
right ones, it is known what is wrong with it, and that the rest of it is right.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations
from pathlib import Path

from autograder.grading.examination import Examination, WrongAnswer, notebook_of
from autograder.grading.hidden import hidden_tests
from autograder.grading.kept import KeptMarks
from autograder.grading.verdicts import Finding
from autograder.misconceptions import Misconception, cells_with, misconceptions_of, tests_named
from autograder.trusted import TrustedWorker
from segkit.checking.fingerprints import same_fingerprint

Marks = dict[str, dict | None]  # by test: what a test that failed has noted of the answers, None where it passed
NOTHING_THERE = {"NotImplementedError", "MissingName"}
NO_SUCH = {"asked": 0, "tolerance": 0.0, "prints": []}  # agrees with nothing


@dataclass(frozen=True)
class Case:
    """One task in one secret case of the pool; `kept`: a file for what misconceptions answer there."""

    assignment: str
    task: str
    secret: bytes = field(repr=False)
    number: int
    kept: Path | None = field(default=None, compare=False, repr=False)


def diagnosed(case: Case, findings: list[Finding]) -> list[Finding]:
    """The findings on a task, with what is known about the mistakes behind them.

    Where one misconception, or two together, account for all answers to the task, those tests count as passed that
    they are not about: apart from them the answer is right.
    """
    marks = {_name(finding): finding.mark if finding.message else None for finding in findings}
    try:
        return _diagnosed(case, findings, marks)
    finally:
        _book(case).write(case.kept)


def _diagnosed(case: Case, findings: list[Finding], marks: Marks) -> list[Finding]:
    wrong = [finding for finding in findings if finding.message]
    if not any(finding.mark and not _is_unwritten(finding.mark) for finding in wrong):
        return findings
    if all(finding.mark for finding in wrong) and (found := explanation(case, marks)):
        return _explained(case, findings, found)
    catalogue = misconceptions_of(case.assignment, case.task)
    beside = [mistake for mistake in catalogue if _accounts_for_its_own(case, mistake, marks)]
    return [_hinted(case, finding, beside) for finding in findings]


def explanation(case: Case, marks: Marks) -> tuple[Misconception, ...]:
    """The misconceptions, one or two, with which the reference gives the answers that were marked; else none."""
    catalogue = misconceptions_of(case.assignment, case.task)
    certain = [mistake for mistake in catalogue if not mistake.random]
    by_chance = [mistake for mistake in catalogue if mistake.random]
    for mistakes in [*zip(certain), *combinations(certain, 2), *zip(by_chance)]:
        if _is_plausible(case, mistakes, marks) and _agree(case, mistakes, marks):
            return mistakes
    return ()


def _is_plausible(case: Case, mistakes: tuple[Misconception, ...], marks: Marks) -> bool:
    """Whether mistakes fail, one by one, the tests that the submission fails, and no others: most do not."""
    failed = {test for test, mark in marks.items() if mark}
    fails = set().union(*(failing_tests(case, mistake) for mistake in mistakes))
    return fails ^ failed <= set().union(*(_perhaps(case, mistake) for mistake in mistakes))


def failing_tests(case: Case, mistake: Misconception) -> set[str]:
    """All tests that find a misconception, whether it costs their points or not."""
    every = set(hidden_tests(case.assignment, case.task))
    return tests_named(mistake.fails, every) | tests_named(mistake.also, every)


def _perhaps(case: Case, mistake: Misconception) -> set[str]:
    return tests_named(mistake.perhaps, set(hidden_tests(case.assignment, case.task)))


def _agree(case: Case, mistakes: tuple[Misconception, ...], marks: Marks) -> bool:
    """Whether the reference with these mistakes gives the answers that were marked."""
    names = tuple(mistake.name for mistake in mistakes)
    doubtful = set().union(*(_perhaps(case, mistake) for mistake in mistakes))
    claims_only = any(mistake.random for mistake in mistakes)
    seen = False
    for test in sorted(marks, key=lambda test: marks[test] is None):  # most are ruled out by the first wrong answer
        own, other = marks[test], _mark(case, names, test)
        if _same_mark(own, other, claims_only=claims_only):
            seen = seen or own is not None
        elif test not in doubtful or (own and other):
            return False
    return seen


def _same_mark(own: dict | None, other: dict | None, *, claims_only: bool = False) -> bool:
    if own is None or other is None:
        return own is other
    return own["asked"] == other["asked"] and any(
        same_fingerprint(one, two, own["tolerance"], claims_only=claims_only)
        for one in own["prints"]
        for two in other["prints"]
    )


def marks_of(case: Case, names: tuple[str, ...]) -> Marks:
    """What all tests mark on the reference with the misconceptions of these names."""
    return {test: _mark(case, names, test) for test in hidden_tests(case.assignment, case.task)}


def _mark(case: Case, names: tuple[str, ...], test: str) -> dict | None:
    """What a test marks on the reference with misconceptions, None where it passes: once per case, not per student."""
    book, name = _book(case), "/".join([*names, test])
    if name not in book.marks:
        book.read(case.kept)
    if name not in book.marks:
        book.add(name, _tried(case, names, test))
    return book.marks[name]


@cache
def _book(case: Case) -> KeptMarks:
    return KeptMarks()


def _tried(case: Case, names: tuple[str, ...], test: str) -> dict | None:
    catalogue = {mistake.name: mistake for mistake in misconceptions_of(case.assignment, case.task)}
    try:
        cells = cells_with(case.assignment, [change for name in names for change in catalogue[name].changes])
    except LookupError:  # two edits of the same place
        return NO_SUCH
    whole = any(catalogue[name].alone for name in names)
    with Examination(case.assignment, cells, case.secret, case.number, make_worker=TrustedWorker) as examination:
        judge = replace(examination.judge(case.task, f"test_{test}"), whole=whole)
        if examination.problems(notebook_of(case.assignment, case.task)):
            return NO_SUCH
        try:
            hidden_tests(case.assignment, case.task)[test](judge, examination.draw(case.task, f"test_{test}"))
        except WrongAnswer as finding:
            return finding.mark or NO_SUCH
    return None


def _explained(case: Case, findings: list[Finding], found: tuple[Misconception, ...]) -> list[Finding]:
    """The findings in the words of misconceptions: each test tells one, and each one is told if there are enough."""
    every = set(hidden_tests(case.assignment, case.task))
    wrong = {_name(finding) for finding in findings if finding.message}
    costs = {mistake.name: tests_named(mistake.fails, every) & wrong for mistake in found}
    if not any(costs.values()):
        costs = dict.fromkeys(costs, wrong)  # a mistake always costs something
    told: Counter[str] = Counter()
    return [_after_explanation(finding, found, costs, told) if finding.message else finding for finding in findings]


def _after_explanation(
    finding: Finding, found: tuple[Misconception, ...], costs: dict[str, set[str]], told: Counter[str]
) -> Finding:
    charged = [mistake for mistake in found if _name(finding) in costs[mistake.name]]
    if not charged:
        return replace(finding, message=None, said=False, apart_from=[mistake.name for mistake in found])
    names = [mistake.name for mistake in charged]
    if len(set().union(*costs.values())) < len(found):  # two mistakes, one test
        return replace(
            finding, message=" ".join(mistake.symptom for mistake in charged), said=False, misconceptions=names
        )
    one = min(charged, key=lambda mistake: (told[mistake.name], len(costs[mistake.name])))
    told[one.name] += 1
    return _told(finding, one, names)


def _accounts_for_its_own(case: Case, mistake: Misconception, marks: Marks) -> bool:
    """Whether a misconception, beside other mistakes, gives the answers to all tests that it fails."""
    every = hidden_tests(case.assignment, case.task)
    fails = failing_tests(case, mistake)
    if mistake.random or any(marks.get(test) is None for test in fails - _perhaps(case, mistake)):
        return False
    own = ((test, _mark(case, (mistake.name,), test)) for test in sorted(every, key=lambda test: test not in fails))
    return all(_same_mark(marks.get(test), mark) for test, mark in own if mark)


def _hinted(case: Case, finding: Finding, beside: list[Misconception]) -> Finding:
    """The finding in the words of a misconception that gives the same answers in this test, if there is one."""
    if finding.message:
        for mistake in beside:
            if _mark(case, (mistake.name,), _name(finding)):
                return _told(finding, mistake, [mistake.name])
    return finding


def _told(finding: Finding, mistake: Misconception, names: list[str]) -> Finding:
    """The finding in the words of one misconception: at most three sentences, and none of the student's."""
    return replace(finding, message=f"{mistake.symptom} {mistake.hint}", said=False, misconceptions=names)


def _name(finding: Finding) -> str:
    return finding.test.removeprefix("test_")


def _is_unwritten(mark: dict) -> bool:
    return any(one.get("", {}).get("error") in NOTHING_THERE for one in mark["prints"])
