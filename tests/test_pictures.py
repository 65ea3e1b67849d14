"""Every picture of the documentation and the notebooks is there, small, and said in words."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import mistune
import pytest
from documented import pages
from PIL import Image

from autograder.paths import ROOT
from autograder.sources import assignments, read_sources

MAKE = ROOT / "docs" / "pictures" / "make.py"
LEAST_WORDS, MOST_BYTES = 8, 100_000
PARSE = mistune.create_markdown(renderer=None, plugins=["table"])


def images_of(text: str) -> Iterator[tuple[str, str]]:
    """Address and alternative text of every image of a Markdown text, also of those that are HTML."""
    yield from _images(PARSE(text))
    for tag in re.findall(r"<img\b[^>]*>", text):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        yield attributes.get("src", ""), attributes.get("alt", "")


def _images(tokens: list[dict]) -> Iterator[tuple[str, str]]:
    for token in tokens:
        if token["type"] == "image":
            yield token["attrs"]["url"], " ".join(_text(token["children"]).split())
        yield from _images(token.get("children", []))


def _text(tokens: list[dict]) -> str:
    return "".join(
        " " if token["type"] == "softbreak" else token.get("raw") or _text(token.get("children", []))
        for token in tokens
    )


def markdown_of_notebooks() -> Iterator[tuple[Path, str]]:
    for assignment in assignments():
        for source in read_sources(assignment):
            yield source.path, "\n\n".join(cell.source for cell in source.cells if cell.cell_type == "markdown")


IN_PAGES = [(path, *image) for path in pages() for image in images_of(path.read_text(encoding="utf-8"))]
IN_NOTEBOOKS = [(path, *image) for path, text in markdown_of_notebooks() for image in images_of(text)]


def of_readme(name: str) -> str:
    (alt,) = [alt for path, address, alt in IN_PAGES if path == ROOT / "README.md" and address.endswith(f"/{name}")]
    return alt


@pytest.mark.parametrize(("path", "address", "alt"), IN_PAGES + IN_NOTEBOOKS)
def test_a_picture_is_there_and_said_in_words(path: Path, address: str, alt: str) -> None:
    file = path.parent / address
    assert file.is_file() and ROOT in file.resolve().parents
    assert file.stat().st_size < MOST_BYTES
    assert len(alt.split()) >= LEAST_WORDS and file.stem not in alt.split()[:1]


def test_readme_shows_a_failing_check_and_a_prediction() -> None:
    assert of_readme("check.png") and of_readme("prediction.png")


def test_images_are_found_in_every_form() -> None:
    text = 'a ![one\ntwo](a.png) b\n\n* ![`c`](b.png)\n\n| ![d](c.png) |\n|---|\n\n<img alt="e" src="d.png">'
    assert list(images_of(text)) == [("a.png", "one two"), ("b.png", "c"), ("c.png", "d"), ("d.png", "e")]


def test_every_figure_of_a_notebook_is_given_words() -> None:
    """Those of segkit say themselves; those that a cell draws with pyplot are shown by `describe`."""
    drawn = 0
    for assignment in assignments():
        for cell in (cell for source in read_sources(assignment) for cell in source.cells):
            if "plt." in cell.source:
                assert "plt.show(" not in cell.source
            if "plt.subplots(" in cell.source or "plt.figure(" in cell.source:
                drawn += 1
                assert cell.source.rstrip().splitlines()[-1].startswith("describe(figure, ")
    assert drawn >= 3


@pytest.fixture(scope="module")
def make():
    spec = importlib.util.spec_from_file_location("make_pictures", MAKE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_words_on_the_failing_check_are_those_of_the_check(make) -> None:
    outcomes = make.report_on_misconception().outcomes
    alt = of_readme("check.png")
    (hint,) = {outcome.hint for outcome in outcomes if outcome.hint}
    plain = re.sub(r"\W+", " ", hint).casefold().strip()
    assert plain in re.sub(r"\W+", " ", alt).casefold()
    assert [bool(outcome.problem) for outcome in outcomes] == [False, True, False, True]
    assert all(outcome.title in alt or outcome.title.capitalize() in alt for outcome in outcomes)


def test_the_picture_of_a_check_is_made_by_a_browser(make, tmp_path) -> None:
    make.save(make.picture_of_a_check(), tmp_path / "check.png")
    with Image.open(tmp_path / "check.png") as picture, Image.open(MAKE.parent / "check.png") as committed:
        assert picture.width == committed.width
        assert abs(picture.height - committed.height) < 100  # fonts differ from machine to machine
        darkest, lightest = picture.convert("L").getextrema()
        assert darkest < 80 and lightest == 255  # text on a light page
