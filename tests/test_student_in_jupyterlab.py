"""A student at their screen: JupyterLab on the unpacked bundle and nothing else, in a browser."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from executed import IN_JUPYTERLAB, require_clean_run
from jupyter_pages import cell, jupyter_lab, menu, open_notebook, run, write
from playwright.sync_api import Browser, Page, expect

from autograder.building.bundle import write_bundle
from autograder.completion import Mistake, complete, complete_assignment
from autograder.sources import read_sources

ASSIGNMENT, NOTEBOOK, STUB = "segformer", "02_modules", "OverlapPatchMerging"
LEAST_FIGURES = {"01_data": 6, "02_modules": 4, "03_model": 4, "04_results": 8, "05_discussion": 3}
EXCHANGED = Mistake("exchanged", NOTEBOOK, STUB, "stride, padding)\n        self", "padding, stride)\n        self")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("student")
    write_bundle(None, folder / "bundle.zip")
    with zipfile.ZipFile(folder / "bundle.zip") as archive:
        archive.extractall(folder)
    return folder / "segformer-course"


@pytest.fixture(scope="module")
def address(bundle, tmp_path_factory) -> Iterator[str]:
    without = ("DATA", "PYTHONPATH")
    with jupyter_lab(bundle, tmp_path_factory.mktemp("jupyter"), without=without) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    yield context.new_page()
    context.close()


def stub(bundle: Path, *mistakes: Mistake) -> str:
    """What a student writes into the stub cell, right or with mistakes."""
    (source,) = [source for source in read_sources(ASSIGNMENT) if source.name == NOTEBOOK]
    notebook = nbformat.read(bundle / ASSIGNMENT / f"{NOTEBOOK}.ipynb", as_version=4)
    complete(notebook, source, mistakes)
    (found,) = [cell.source for cell in notebook.cells if cell.source.startswith(f"class {STUB}")]
    return found


def require_words_on_figures(page: Page, *, least: int) -> None:
    """A screen reader reads what each figure shows."""
    figures = page.locator(".jp-OutputArea-output img")
    words = [figures.nth(number).get_attribute("alt") or "" for number in range(figures.count())]
    assert len(words) >= least
    assert [text for text in words if len(text.split()) < 5] == []


def test_a_wrong_answer_gets_its_hint_on_the_page_and_a_right_one_passes(page, address, bundle, tmp_path):
    open_notebook(page, address, f"{ASSIGNMENT}/{NOTEBOOK}.ipynb")
    mine, check = cell(page, f"class {STUB}"), cell(page, 'check("patch_merging")')
    mine.locator(".cm-content").click()
    menu(page, "Run", "Run All Above Selected Cell")

    run(page, check)
    outputs = check.locator(".jp-OutputArea")
    expect(outputs.locator("table")).to_contain_text(f"{STUB} is not defined: complete its cell, run it")

    write(page, mine, stub(bundle, EXCHANGED))
    run(page, mine)
    run(page, check)
    expect(outputs.locator("table")).to_contain_text("have changed places. In which order does your convolution take")
    check.screenshot(path=tmp_path / "wrong.png")

    write(page, mine, stub(bundle))
    run(page, mine)
    run(page, check)
    expect(outputs).to_contain_text("public checks passed. Hidden tests ask the same of other sizes")
    expect(outputs.locator("table")).not_to_contain_text("✗")
    check.screenshot(path=tmp_path / "right.png")


def test_the_completed_notebooks_run_one_after_the_other(page, address, bundle):
    complete_assignment(ASSIGNMENT, bundle / "done", released=bundle / ASSIGNMENT)
    for name in IN_JUPYTERLAB:
        open_notebook(page, address, f"done/{name}.ipynb")
        menu(page, "Run", "Run All Cells")
        last = page.locator(".jp-CodeCell").last.locator(".jp-InputPrompt")
        expect(last).to_have_text(re.compile(r"\[\d+\]"), timeout=600_000)
        require_words_on_figures(page, least=LEAST_FIGURES[name])
        menu(page, "File", "Save Notebook")
        expect(page.locator(".jp-mod-dirty")).to_have_count(0)
        require_clean_run(nbformat.read(bundle / "done" / f"{name}.ipynb", as_version=4))
