"""The class report in a browser: it asks for nothing, says nothing on the console, and everybody can use it."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from report_class import ASSIGNMENT, COPIES, Member, make_class, realistic_class
from test_report import NASTY, SCRIPT

from autograder.report.writing import write_report

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """A page about a class with everything in it: copies, repaired and stopped submissions, somebody hostile."""
    root = tmp_path_factory.mktemp("course")
    hostile = Member(NASTY, code={"attention": f"LONG = {SCRIPT}"}, repairs={"01_data": [f"{NASTY} was renamed."]})
    make_class(root, [*realistic_class(32), hostile])
    return write_report(root, ASSIGNMENT, root / "report.html").as_uri()


@pytest.fixture(params=["desktop, light", "desktop, dark", "phone, light", "phone, dark"])
def page(request, browser, address) -> Iterator[Page]:
    """The page, opened; whatever it complains of or asks for is kept in `noticed`."""
    size, scheme = request.param.split(", ")
    context = browser.new_context(viewport=DESKTOP if size == "desktop" else PHONE, color_scheme=scheme)
    page = context.new_page()
    page.noticed = []
    page.on("console", lambda message: page.noticed.append(message.text))
    page.on("pageerror", lambda error: page.noticed.append(str(error)))
    page.on("dialog", lambda dialog: page.noticed.append(dialog.message))
    page.on("request", lambda asked: page.noticed.append(asked.url) if asked.url != address else None)
    page.goto(address, wait_until="load")
    yield page
    context.close()


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


def test_it_asks_for_nothing_and_says_nothing_on_the_console(page, address):
    open_all(page)
    page.wait_for_timeout(100)
    assert page.noticed == []
    assert page.locator("h1").inner_text() == f"Class report: {ASSIGNMENT}"
    assert page.get_by_text(NASTY, exact=True).count() >= 1


@pytest.mark.parametrize("opened", [False, True])
def test_axe_finds_nothing(page, opened):
    if opened:
        open_all(page)
    found = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_nothing_is_wider_than_the_window_except_in_regions_that_scroll(page):
    open_all(page)
    width, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= window
    wide = """[...document.querySelectorAll('.scroll, pre')].filter(one => one.scrollWidth > one.clientWidth + 1)
              .filter(one => one.tabIndex !== 0 || one.getAttribute('role') !== 'region' || !one.ariaLabel).length"""
    assert page.evaluate(wide) == 0


def test_text_in_charts_is_large_enough_and_lies_inside(page):
    sizes = page.evaluate("""[...document.querySelectorAll('svg text')].map(text => {
        const box = text.getBoundingClientRect(), chart = text.ownerSVGElement.getBoundingClientRect()
        return [box.height, box.left - chart.left, chart.right - box.right, box.bottom - chart.bottom]})""")
    assert len(sizes) > 50
    assert all(height >= 11 and min(left, right) >= -1 and below <= 1 for height, left, right, below in sizes)
    overlaps = page.evaluate("""[...document.querySelectorAll('svg.bars text:not(.value)')].filter(text =>
        text.getBoundingClientRect().right > text.nextElementSibling.getBoundingClientRect().left).length""")
    assert overlaps == 0, "a label runs into its value"


def test_the_keyboard_reaches_links_summaries_and_regions_and_shows_where_it_is(page):
    reached, outlines = [], []
    for _ in range(400):
        page.keyboard.press("Tab")
        name, outline = page.evaluate("""(() => {const one = document.activeElement
            const kind = one.className.split(' ')[0] || one.tagName
            return [kind, getComputedStyle(one).outlineStyle + getComputedStyle(one).outlineWidth]})()""")
        if name == "BODY":
            break
        reached.append(name)
        outlines.append(outline)
    assert reached[0] == "skip" and {"A", "SUMMARY", "scroll"} <= set(reached)
    assert page.evaluate("document.querySelectorAll('.students a').length") == 33 * 5
    assert set(outlines) == {"solid3px"}


def test_the_skip_link_leads_to_the_report_and_a_summary_opens(page):
    page.keyboard.press("Tab")
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    summary = page.locator("#mistakes summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#mistakes pre").first.is_visible()


def test_a_link_leads_to_the_feedback(page):
    page.locator(".students a").first.click()
    assert page.title() == "Feedback"


def test_the_copies_stand_first_among_those_alike(page):
    rows = page.locator("#alike table").first.locator("tbody tr")
    names = [set(rows.nth(row).locator("bdi").all_inner_texts()) for row in range(2)]
    members = [member.id for member in realistic_class(32)]
    assert {frozenset(pair) for pair in names} == {
        frozenset((members[original], members[copy])) for original, copy in COPIES
    }


def test_on_paper_it_has_all_sections_within_the_page(browser, address, tmp_path):
    page = browser.new_page(viewport={"width": 703, "height": 1000})  # A4 without its margins
    page.goto(address)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 703
    wide = "[...document.querySelectorAll('table')].filter(one => one.getBoundingClientRect().right > 704).length"
    assert page.evaluate(wide) == 0
    assert page.locator("nav").is_hidden() and page.locator("#mistakes details.paper pre").first.is_visible()
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    page.close()
