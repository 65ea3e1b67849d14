"""Whose text stands in which cell of a corrected notebook, tried with notebooks of a few cells."""

from segkit.releases.merging import merge
from segkit.releases.notebooks import START, cell_digests, source_of

STUB = {"grade_id": "f-stub", "solution": True, "locked": False}
CHECK = {"grade_id": "f", "grade": True, "solution": False, "locked": True}
WRITTEN = {"grade": True, "solution": True, "locked": False}
ANSWER = "*Your answer here.*"
START_CELL = "DRIVE = False\nfrom segkit.online import start\nstart()"


def code(id: str, source: str, marks: dict | None = None) -> dict:
    metadata = {"nbgrader": dict(marks)} if marks else {}
    return {"cell_type": "code", "id": id, "metadata": metadata, "source": source, "outputs": []}


def text(id: str, source: str, marks: dict | None = None) -> dict:
    metadata = {"nbgrader": dict(marks)} if marks else {}
    return {"cell_type": "markdown", "id": id, "metadata": metadata, "source": source}


def notebook(*cells: dict) -> dict:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def task(news: str = "") -> list[dict]:
    """A task as it is released; `news`: what the course writes into its text."""
    return [
        text("title", f"# Task{news}"),
        code("stub", "def f():\n    raise NotImplementedError", STUB),
        code("check", 'check("f")', CHECK),
        text("end", "The end."),
    ]


def sources(found: dict) -> list[str]:
    return [source_of(cell) for cell in found["cells"]]


def corrected(student: list[dict], before: list[dict], now: list[dict]) -> list[str]:
    return sources(merge(notebook(*student), cell_digests(notebook(*before)), notebook(*now)).notebook)


def test_a_cell_that_both_changed_stands_twice_after_a_second_correction_as_well():
    first, second, third = task(), task(), task(" corrected")
    second[2]["source"] = 'check("f")  # corrected'
    third[2]["source"] = 'check("f")  # corrected'
    student = task()
    student[2]["source"] = 'check("f"); print("mine")'
    once = merge(notebook(*student), cell_digests(notebook(*first)), notebook(*second)).notebook
    again = merge(once, cell_digests(notebook(*second)), notebook(*third)).notebook
    assert sources(again)[2:4] == ['check("f"); print("mine")', 'check("f")  # corrected']
    assert len(again["cells"]) == 5 and again["cells"][3]["id"] == "check"


def test_a_cell_that_the_student_deleted_stays_deleted_if_nothing_asks_for_it():
    title, _, check, _ = task()
    mine = code("stub", "def f():\n    return 1", STUB)
    assert corrected([title, mine, check], task(), task(" corrected")) == [
        "# Task corrected",
        mine["source"],
        'check("f")',
    ]
    changed = task()
    changed[3]["source"] = "The new end."
    assert corrected([title, mine, check], task(), changed)[-1] == "The new end."
    assert 'check("f")' in corrected([title, mine], task(), task(" corrected"))


def test_a_stub_that_was_joined_with_another_cell_does_not_come_back_to_undo_it():
    before, now = (
        [*task(news), code("g", "def g():\n    raise NotImplementedError", STUB | {"grade_id": "g-stub"})]
        for news in ("", " corrected")
    )
    title, _, check, end = task()
    joined = code("stub", "def f():\n    return 1\n\n\ndef g():\n    return 2", STUB)
    after = corrected([title, joined, check, end], before, now)
    assert not any("NotImplementedError" in source for source in after) and joined["source"] in after
    assert "NotImplementedError" in "".join(corrected([title, check, end], before, now))  # nobody has written it


def test_cells_that_were_moved_stay_in_their_order_since_the_last_definition_counts():
    title, _, check, end = task()
    draft, answer = code("own", "def f():\n    return 'draft'"), code("stub", "def f():\n    return 'answer'", STUB)
    now = task(" corrected")
    now.insert(3, text("news", "New."))
    after = corrected([title, check, draft, answer, end], task(), now)
    assert after == ["# Task corrected", 'check("f")', draft["source"], "New.", answer["source"], "The end."]


def test_what_was_written_into_the_note_on_a_task_is_not_replaced_with_it():
    def stubs(news: str) -> list[dict]:
        return [code("stub", f"def f():\n    '''{news}'''", STUB)]

    mine = [code("stub", "def f():\n    return 1", STUB)]
    once = merge(notebook(*mine), cell_digests(notebook(*stubs("1"))), notebook(*stubs("2"))).notebook
    once["cells"][1]["source"] += "\n\nMy remark."
    after = corrected(once["cells"], stubs("2"), stubs("3"))
    assert any("My remark." in source for source in after) and any("'''3'''" in source for source in after)


def test_a_cell_of_the_students_that_calls_start_is_not_the_start_cell():
    released = [code(START, START_CELL), *task(" corrected")]
    mine = code("own", "from segkit.online import start\nmine = 1")
    student = [code(START, START_CELL), mine, *task()]
    after = corrected(student, [code(START, START_CELL), *task()], released)
    assert after[:2] == [START_CELL, mine["source"]]


def test_answers_that_lost_their_ids_stay_with_their_questions():
    def questions(news: str) -> list[dict]:
        asked = [text(f"q{number}", f"Question {number}") for number in range(3)]
        answers = [text(f"a{number}", ANSWER, WRITTEN | {"grade_id": f"a{number}"}) for number in range(3)]
        return [cell for pair in zip(asked, answers, strict=True) for cell in pair] + [text("end", f"The end{news}.")]

    student = [text(f"colab{number}", cell["source"]) for number, cell in enumerate(questions(""))]
    student[1]["source"], student[5]["source"] = "First.", "Third."  # the second is not answered yet
    found = merge(notebook(*student), cell_digests(notebook(*questions(""))), notebook(*questions(" corrected")))
    marked = {
        cell["metadata"]["nbgrader"]["grade_id"]: source_of(cell)
        for cell in found.notebook["cells"]
        if "nbgrader" in cell["metadata"]
    }
    assert marked == {"a0": "First.", "a1": ANSWER, "a2": "Third."}


def test_line_ends_of_windows_are_no_work():
    def given(news: str) -> list[dict]:
        return [code("given", f"import math{news}\n\nx = 1")]

    student = given("")
    student[0]["source"] = student[0]["source"].replace("\n", "\r\n")
    merged = merge(notebook(*student), cell_digests(notebook(*given(""))), notebook(*given("  # corrected")))
    assert sources(merged.notebook) == ["import math  # corrected\n\nx = 1"] and not merged.work
