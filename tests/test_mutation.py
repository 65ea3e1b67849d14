"""The mutants of `make mutation` are what they say, and its bookkeeping misses nothing. The run itself is no test."""

from functools import cache
from pathlib import Path

import pytest
from cosmic_ray.mutating import mutate_code
from mutation.explained import FILE, read_reasons, report
from mutation.judging import KILLED, SURVIVED, Kept, Outcome, judge
from mutation.mutants import Mutant, changed_lines, mutants_of, mutants_of_cell, unchanged
from mutation.operators import OWN, all_operators

from autograder.misconceptions import Edit
from autograder.sources import assignments

STUB = '''\
def double(x: int = 3, times: int = 2) -> int:
    """Twice x, if times + 1 is 3."""
    if times > 5:
        return x
    ### BEGIN SOLUTION
    y = x * times  # not 7
    return y
    ### END SOLUTION
'''


@cache
def mutants_of_the_course() -> list[Mutant]:
    return [mutant for assignment in assignments() for mutant in mutants_of(assignment)]


def mutants_of_stub(text: str = STUB) -> list[Mutant]:
    return list(mutants_of_cell("intro", "double", "double", text))


def mutant_of(cell: str, becomes: str) -> Mutant:
    (found,) = [m for m in mutants_of_the_course() if m.edit.cell == cell and m.becomes == becomes]
    return found


EXAMPLES = [(operator, example) for operator in OWN for example in operator.examples()]


@pytest.mark.parametrize(("operator", "example"), EXAMPLES, ids=lambda value: getattr(value, "__name__", ""))
def test_an_operator_makes_the_mutant_that_it_shows(operator, example):
    texts, occurrence = [], 0
    while (text := mutate_code(example.pre_mutation_code, operator(), occurrence)) is not None:
        texts.append(text)
        occurrence += 1
    assert example.post_mutation_code in texts


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("a = b + c", ["a = b - c", "a = b", "a = c", "pass"]),
        ("a = x.sum(dim=(0, 2))", ["a = x.sum()", "a = x.sum(dim=( 1, 2))", "a = x.mean(dim=(0, 2))", "a = x"]),
        ("a = x[1:]", ["a = x", "a = x[ 2:]"]),
        ("a = not x", ["a =  x"]),
        ("a = b < c", ["a = b >= c"]),
        ("a = f(x, y, keepdim=True)", ["a = f(y, x, keepdim=True)", "a = f(x, y, keepdim=False)", "a = f(x, y)"]),
        ("a = -x", ["a = x"]),
    ],
)
def test_a_line_has_these_mutants_among_others(line: str, becomes: list[str]):
    found = {mutant.becomes for mutant in mutants_of_stub(STUB.replace("y = x * times", line))}
    assert set(becomes) <= found


def test_given_code_docstrings_and_comments_are_left_alone():
    given = STUB[: STUB.index("    ### BEGIN")]
    mutants = mutants_of_stub()
    assert {mutant.line for mutant in mutants} == {"y = x * times", "return y"}
    assert all(mutant.edit.new.startswith(given) and mutant.edit.old == STUB for mutant in mutants)
    assert len({mutant.edit.new for mutant in mutants}) == len(mutants) > 8


@pytest.mark.parametrize("text", ["x.transpose(1, 2)", "x.sum(dim=(1, 2))"])
def test_the_order_of_axes_is_not_changed_where_it_is_nothing(text: str):
    found = mutants_of_stub(STUB.replace("x * times", text))
    assert not [mutant for mutant in found if mutant.operator == "SwapNeighbours"]


def test_all_mutants_of_the_course_can_be_told_apart():
    names = [mutant.name for mutant in mutants_of_the_course()]
    assert len(set(names)) == len(names) > 1000


def test_cosmic_ray_has_the_operators_that_are_counted_on():
    names = all_operators().keys()
    wanted = "ReplaceBinaryOperator_Mul_Add ReplaceComparisonOperator_Gt_GtE ReplaceUnaryOperator_Delete_Not AddNot"
    assert {*wanted.split(), "NumberReplacer", "ReplaceTrueWithFalse", "ZeroIterationForLoop"} <= names
    assert not [name for name in names if "BitAnd" in name or "UAdd" in name or name.endswith("_Is")]


def test_lines_that_change_are_joined_and_their_comments_left_out():
    assert changed_lines("a\n  b(  # c\n    d)\ne", "a\n  b  # c\ne") == ("b(", "b")


def test_the_hidden_tests_judge_a_mutant():
    killed = judge(mutant_of("normalize_channels", "variance = images.var(dim=(0, 2, 3), keepdim=True)"))
    assert killed.verdict == KILLED and "single_image, case 0: " in killed.words
    (control,) = unchanged([mutant_of("normalize_channels", "mean = images")])
    assert control.edit.old == control.edit.new
    assert judge(control) == Outcome(SURVIVED)


def test_survivors_are_explained_or_not_and_an_explanation_without_a_survivor_is_reported():
    killed, explained, unexplained = mutants_of_stub()[:3]
    elsewhere = ("another cell", "line", "becomes")
    reasons = {explained.name: "it is the same", killed.name: "wrongly", elsewhere: "was not tried"}
    found = report([killed, explained, unexplained], [explained, unexplained], reasons)
    assert found.explained == {"it is the same": [explained]} and found.unexplained == [unexplained]
    assert found.outdated == [killed.name]
    assert (found.killed, found.equivalent, found.score) == (1, 1, 0.5)


def test_each_explanation_belongs_to_a_mutant_of_the_reference():
    names = {mutant.name for mutant in mutants_of_the_course()}
    assert read_reasons().keys() <= names


def test_a_mutant_that_is_explained_twice_is_refused(tmp_path: Path):
    twice = tmp_path / FILE.name
    twice.write_text(FILE.read_text(encoding="utf-8") * 2, encoding="utf-8")
    with pytest.raises(ValueError, match="twice"):
        read_reasons(twice)


def test_outcomes_are_kept_until_something_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mutant = Mutant("intro", "task", "operator", Edit("cell", "old", "new"), "old", "new")
    kept = Kept(tmp_path / "kept.json")
    kept.put(mutant, Outcome(KILLED, "a test: a sentence"))
    kept.save()
    assert Kept(tmp_path / "kept.json").get(mutant) == Outcome(KILLED, "a test: a sentence")
    monkeypatch.setattr("mutation.judging.fingerprint", lambda: "another")
    assert Kept(tmp_path / "kept.json").get(mutant) is None
