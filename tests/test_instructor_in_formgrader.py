"""An instructor at their screen: formgrader on a graded course, in a browser, up to the feedback page."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_pages import jupyter_lab
from playwright.sync_api import Browser, Page, Response, expect

from autograder.completion import complete_assignment
from autograder.course.course import Course
from autograder.demo import CLASSMATES, open_course
from autograder.sources import BY_HAND, read_sources
from tests.intro_course import environment

ASSIGNMENT, STUDENT = "segformer", "bo_scaled_by_all_channels"
HINT = "root of all channels"
COMMENT = "Well argued; say also what a stride of 4 costs."


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    """A course with one submission, graded."""
    course = open_course(tmp_path_factory.mktemp("instructor") / "course", ASSIGNMENT)
    folder = course.root / "submitted" / STUDENT / ASSIGNMENT
    complete_assignment(ASSIGNMENT, folder, CLASSMATES[STUDENT])
    for path in folder.glob("*.ipynb"):
        answer_in_own_words(path)
    call = [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT]
    subprocess.run(call, cwd=course.root, env=environment(), check=True, capture_output=True)
    return course


def answer_in_own_words(path: Path) -> None:
    """Put a student's words where the notebook has been completed with the model answers."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and about.get("solution"):
            cell.source = "Every pixel is seen by several patches."
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def address(course, tmp_path_factory) -> Iterator[str]:
    with jupyter_lab(course.root, tmp_path_factory.mktemp("jupyter")) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    failed = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    yield page
    context.close()
    assert set(failed) <= {"MathJax is not defined"}  # nbgrader's page loads it from elsewhere


def open_submission(page: Page, address: str, notebook: str) -> None:
    """From the class to the one submission of a notebook, by clicking."""
    page.goto(f"{address}/formgrader/gradebook")
    for name in (ASSIGNMENT, notebook, "Submission #1"):
        page.get_by_role("link", name=name, exact=True).click()
    expect(page).to_have_url(re.compile("/formgrader/submissions/"))


def test_the_class_and_our_verdicts_are_there(page, address, tmp_path):
    page.goto(f"{address}/formgrader")
    row = page.get_by_role("row").filter(has=page.get_by_text(ASSIGNMENT, exact=True))
    expect(row.get_by_role("link", name="1", exact=True)).to_be_visible()  # one submission
    open_submission(page, address, "02_modules")
    expect(page.locator("body")).to_contain_text(HINT)
    expect(page.locator("#attention")).to_have_attribute("placeholder", re.compile(r"\d"))
    page.get_by_text(HINT).first.scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "verdict.png")


def test_the_marking_scheme_is_in_the_instructors_notebook_and_not_beside_the_answer(page, address):
    page.goto(f"{address}/lab/tree/solutions/{ASSIGNMENT}/05_discussion.ipynb?reset")
    expect(page.get_by_text("Marking scheme").first).to_be_visible(timeout=60_000)
    open_submission(page, address, "05_discussion")
    expect(page.locator("body")).not_to_contain_text("Marking scheme")


def test_a_written_answer_is_graded_and_the_feedback_page_shows_it(page, address, course, tmp_path):
    open_submission(page, address, "05_discussion")
    # The page fetches what it has of both after it was shown, and saves what is typed from then on.
    expect(page.locator("#q1")).to_have_class(re.compile("needs_manual_grade"))
    expect(page.locator("#q1-comment")).to_have_attribute("placeholder", re.compile("."))
    with page.expect_response(lambda answer: is_saved(answer, "grade")):
        page.locator("#q1").fill("2")
        page.keyboard.press("Tab")
    with page.expect_response(lambda answer: is_saved(answer, "comment")):
        page.locator("#q1-comment").fill(COMMENT)
        page.locator("#q1-comment").blur()
    page.screenshot(path=tmp_path / "grading.png", full_page=False)
    page.reload()
    expect(page.locator("#q1")).to_have_value("2")
    expect(page.locator("#q1-comment")).to_have_value(COMMENT)

    page.goto(f"{address}/formgrader/manage_submissions/{ASSIGNMENT}")
    page.locator("td.generate-feedback a").click()
    expect(page.get_by_text("Successfully generated feedback")).to_be_visible(timeout=120_000)

    folder = course.root / "feedback" / STUDENT / ASSIGNMENT
    page.goto((folder / "05_discussion.html").as_uri())
    expect(page.locator("body")).to_contain_text(COMMENT)
    expect(page.locator("body")).to_contain_text("2.0 / 2.5")
    page.screenshot(path=tmp_path / "feedback.png", full_page=True)
    page.goto((folder / "02_modules.html").as_uri())
    expect(page.locator("body")).to_contain_text(HINT)
    for path in folder.glob("*.html"):
        assert_gives_nothing_away(path.read_text(encoding="utf-8"))


def is_saved(answer: Response, what: str) -> bool:
    return f"/api/{what}/" in answer.url and answer.request.method == "PUT" and answer.ok


def assert_gives_nothing_away(text: str) -> None:
    """No line of a marking scheme or model answer, and no hidden test."""
    assert "judge.same" not in text
    secret = [cell.source for source in read_sources(ASSIGNMENT) for cell in source.cells if cell.role == BY_HAND]
    lines = [line.strip() for text in secret for line in text.splitlines()]
    telling = [line for line in lines if re.fullmatch(r"[\w ,.:]{30,}", line)]
    assert len(telling) > 20 and not [line for line in telling if line in text]
