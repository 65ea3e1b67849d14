"""The catalogue is right: every misconception fails what it says, is recognised, and costs what it is about.

Everything runs in this process (see `autograder.trusted`): the sandbox has tests of its own.
"""

import re
from collections import Counter

import pytest
from answers import SECRET, assignment_of, hidden_tests

from autograder.grading.diagnosis import Case, explanation, failing_tests, marks_of
from autograder.misconceptions import Misconception, catalogue, misconceptions_of
from autograder.sources import assignments
from segkit.checking.public import tasks_of

TASKS = [(assignment, task) for assignment in assignments() for task in tasks_of(assignment)]
CATALOGUE = [mistake for names in TASKS for mistake in misconceptions_of(*names)]

pytestmark = pytest.mark.filterwarnings("ignore")


def case_of(mistake: Misconception, secret: bytes = SECRET, number: int = 0) -> Case:
    return Case(assignment_of(mistake.task), mistake.task, secret, number)


def title(mistake: Misconception) -> str:
    return f"{mistake.task}: {mistake.name}"


def test_the_catalogue_is_large_and_its_names_are_unique():
    assert len(CATALOGUE) >= 80
    assert all(count == 1 for count in Counter(map(title, CATALOGUE)).values())
    assert {mistake.task for mistake in CATALOGUE} == {task for _, task in TASKS}


@pytest.mark.parametrize("mistake", CATALOGUE, ids=title)
def test_it_fails_the_tests_that_it_names_and_no_others(mistake: Misconception):
    marks = marks_of(case_of(mistake), (mistake.name,))
    perhaps = catalogue.tests_named(mistake.perhaps, set(marks))
    assert {test for test, mark in marks.items() if mark} - perhaps == failing_tests(
        case_of(mistake), mistake
    ) - perhaps
    assert catalogue.tests_named(mistake.fails, set(marks))


@pytest.mark.parametrize("mistake", CATALOGUE, ids=title)
def test_it_is_recognised_as_itself(mistake: Misconception):
    case = case_of(mistake)
    (found,) = explanation(case, marks_of(case, (mistake.name,)))
    assert found.name == mistake.name or mistake.name == found.same_as


@pytest.mark.parametrize("mistake", CATALOGUE, ids=title)
def test_its_words_are_sentences(mistake: Misconception):
    for words, most in ((mistake.symptom, 1), (mistake.hint, 2)):
        assert words[0].isupper() and words.endswith((".", "?")), f"a sentence begins large and ends: {words}"
        assert 1 <= len(re.findall(r"[.?](?=\s|$)", words)) <= most, f"more than {most} sentence(s): {words}"
        assert "!" not in words
    assert "`" not in mistake.symptom, "a symptom is plain text: it also stands in tables"


@pytest.mark.parametrize("names", TASKS, ids=" ".join)
def test_every_hidden_test_costs_somebody_its_points(names):
    charged = set().union(
        *(catalogue.tests_named(one.fails, set(hidden_tests(names[1]))) for one in misconceptions_of(*names))
    )
    assert charged == set(hidden_tests(names[1]))
