"""What students are told: some twenty examples, each of at most three sentences."""

import re

import pytest

from autograder.grading.feedback_examples import examples, main, message
from autograder.misconceptions import misconceptions_of
from autograder.sources import assignments
from segkit.checking.public import tasks_of

EXAMPLES = list(examples())
# A full stop, a question mark or a colon's end: a new sentence begins with a capital letter.
SENTENCE_END = re.compile(r"[.?](?=\s+[A-Z]|$)")

pytestmark = pytest.mark.filterwarnings("ignore")


def test_there_are_some_twenty_of_all_tasks():
    tasks = {task for assignment in assignments() for task in tasks_of(assignment)}
    assert len(EXAMPLES) == len(tasks) + 3 >= 20 and {example.task for example in EXAMPLES} == tasks


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.task}: {example.what}")
def test_each_says_what_to_think_about_in_at_most_three_sentences(example):
    points, words = message(example)
    assert 0 <= points < 1
    assert 1 <= len(SENTENCE_END.findall(words)) <= 3, words
    assert words.endswith((".", "?")) and "`test_" not in words


def test_a_task_by_name_gives_all_its_misconceptions(capsys):
    assert main(["pixel_linear"]) == 0
    printed = capsys.readouterr().out
    for mistake in misconceptions_of("intro", "pixel_linear"):
        assert f"pixel_linear: {mistake.name} (" in printed and mistake.hint in printed


def test_an_unknown_task_is_one_sentence(capsys):
    assert main(["nothing"]) == 2
    assert capsys.readouterr().err.startswith('feedback_examples: There is no task "nothing"')
