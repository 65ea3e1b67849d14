"""The commands of the documentation: what a reader of a page may type, and where it stands."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import mistune

from autograder.paths import ROOT

# A line of a code block, or inline code, that begins with one of these and goes on is a command.
PROGRAMS = (
    r"make|python3?|\.venv/bin/\w+|nbgrader|jupyter|pytest|pip|conda|git|dask|ruff|tensorboard|source|cd|sudo|apt-get|"
    r"\$EDITOR|\.ci/run|rm|sed|grep|mkdir|chmod"
)
COMMAND = re.compile(
    rf"(?:[A-Z]+=\S+ )?(?:{PROGRAMS})(?= \S|$)(?! \()"
)  # "nbgrader (this process)" is a line of a drawing
ALONE = {
    "make",
    "nbgrader",
    "jupyter",
    "pytest",
    "pip",
    "conda",
    "git",
    "dask",
    "ruff",
    "tensorboard",
    "python",
    "chmod",
}


def pages() -> list[Path]:
    """All Markdown files of the course, nothing that a run has made."""
    notebooks = ROOT / "notebooks"
    students = [notebooks / "README.md", *sorted(notebooks.glob("*/README.md"))]
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), *students]


def documented_commands() -> dict[str, list[str]]:
    """Every command, and the pages on which it stands."""
    found = defaultdict(list)
    for path in pages():
        for command in commands_in(path.read_text(encoding="utf-8")):
            found[command].append(path.relative_to(ROOT).as_posix())
    return dict(found)


def commands_in(text: str) -> Iterator[str]:
    """The commands of a page, comments left out, continued lines put together.

    A comment "or: COMMAND" holds another command. What stands between <<'END' and END is input, and no command.
    """
    for kind, code in _codes(mistune.create_markdown(renderer=None, plugins=["table"])(text)):
        code = " ".join(code.split()) if kind == "codespan" else re.sub(r"\s*\\\n\s*", " ", code)
        for line in re.sub(r"(<<'END')\n.*?\nEND", r"\1", code, flags=re.DOTALL).splitlines():
            command, _, comment = re.sub(r"\s{2,}# ", "\0", line, count=1).partition("\0")
            for words in (command.strip(), *_alternative(comment)):
                if COMMAND.match(words) and words not in ALONE:
                    yield words


def _codes(tokens: list[dict]) -> Iterator[tuple[str, str]]:
    """Code blocks, indented or fenced, and inline code."""
    for token in tokens:
        if token["type"] in ("block_code", "codespan"):
            yield token["type"], token["raw"]
        yield from _codes(token.get("children", []))


def _alternative(comment: str) -> list[str]:
    words = re.match(r"or: ([^,;]+)", comment)
    return [words[1].strip()] if words else []
