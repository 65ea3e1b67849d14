"""Whatever bytes are handed in: triage returns, what it returns is valid, and it takes neither long nor much memory."""

import copy
import json
import time
import tracemalloc
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_triage_honest import ASSIGNMENT, NAMES, RELEASED, as_format_4_4, completed, hand_in, plain, valid

from autograder.triage import triage_submission

NAME = "04_results"  # stubs, checks and written answers
ONE = {NAME: RELEASED[NAME]}
REAL = nbformat.writes(completed(NAME)).encode()
CELLS = plain(completed(NAME))["cells"]
FUZZ = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
WORDS = (
    "cells metadata nbformat nbformat_minor worksheets cell_type source id outputs output_type data text name nbgrader "
    "grade_id grade locked solution points tags attachments execution_count traceback ename evalue image/png text/html "
    "text/plain kernelspec language course assignment"
)
KEYS = st.sampled_from(WORDS.split())
EDITS = ["delete", "copy", "move", "split", "retype", "unmark", "mark", "value", "entry", "text", "all"]
ODD_TEXT = st.sampled_from(
    [
        "code",
        "markdown",
        "stream",
        "display_data",
        "error",
        "",
        "\ud800",
        "\0",
        "<script>",
        "![](attachment:x)",
        "x = '",
    ]
) | st.text(max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ODD_TEXT
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=5),
    max_leaves=30,
)


def check(root: Path, content: bytes, seconds: float = 5) -> None:
    folder = hand_in(root, {f"{ASSIGNMENT}/{NAME}.ipynb": content})
    started = time.thread_time()
    submission = triage_submission(folder, ONE)
    assert time.thread_time() - started < seconds
    valid(submission, [NAME])
    assert submission == triage_submission(folder, ONE)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@settings(FUZZ, max_examples=40)
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(root, content):
    check(root, content)


@settings(FUZZ, max_examples=40)
@given(st.data())
def test_a_real_notebook_with_changed_bytes(root, data):
    content = bytearray(REAL)
    for _ in range(data.draw(st.integers(1, 4))):
        at, length = data.draw(st.integers(0, len(content))), data.draw(st.sampled_from([0, 1, 1, 2, 500, 20_000]))
        content[at : at + length] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b'"', b"\\", b"}", b"],", b"\0\xff"])
        )
    check(root, bytes(content))


@settings(FUZZ, max_examples=80)
@given(JSON | st.fixed_dictionaries({"nbformat": st.just(4) | SCALARS, "cells": st.lists(JSON, max_size=6)}))
def test_any_json(root, document):
    check(root, json.dumps(document).encode())


@st.composite
def spoiled(draw) -> dict:
    """The real notebook after some edits as a person, a program or a merge makes them."""
    cells = copy.deepcopy(CELLS)
    for _ in range(draw(st.integers(1, 12))):
        at = draw(st.integers(0, len(cells) - 1)) if cells else 0
        do = draw(st.sampled_from(EDITS))
        other = draw(st.integers(0, max(len(cells) - 1, 0)))
        cell = cells[at] if cells else {}
        if do == "delete":
            del cells[at : at + draw(st.sampled_from([1, 1, 1, 10]))]
        elif do == "copy":
            cells.insert(other, copy.deepcopy(cell))
        elif do == "move" and cells:
            cells.insert(other, cells.pop(at))
        elif do == "split" and isinstance(cell.get("source"), list):
            half = copy.deepcopy(cell)
            middle = len(cell["source"]) // 2
            cell["source"], half["source"] = cell["source"][:middle], half["source"][middle:]
            cells.insert(at + 1, half)
        elif do == "retype":
            cell["cell_type"] = draw(st.sampled_from(["code", "markdown", "raw", "heading", 3]))
        elif do == "unmark":
            cell["metadata"] = {}
            cell.pop("id", None)
        elif do == "mark":
            cell["metadata"] = copy.deepcopy(cells[other].get("metadata"))
            cell["id"] = cells[other].get("id")
        elif do == "value":
            cell[draw(KEYS)] = draw(JSON)
        elif do == "entry" and isinstance(cell.get("metadata"), dict):
            marks = cell["metadata"].setdefault("nbgrader", {})
            (marks if isinstance(marks, dict) else cell["metadata"])[draw(KEYS)] = draw(JSON)
        elif do == "text":
            cell["source"] = draw(ODD_TEXT)
        elif do == "all":
            cells = as_format_4_4(nbformat.from_dict(plain(completed(NAME))))["cells"]
        cells = [cell for cell in cells if cell]
    return {
        "cells": cells,
        "metadata": draw(JSON),
        "nbformat": 4,
        "nbformat_minor": draw(st.sampled_from([5, 4, 0, "x"])),
    }


@settings(FUZZ, max_examples=80)
@given(spoiled())
def test_a_real_notebook_with_changed_cells(root, document):
    check(root, json.dumps(document).encode())


OUTPUT = st.fixed_dictionaries(
    {"output_type": ODD_TEXT},
    optional={"data": JSON, "text": JSON, "metadata": JSON, "traceback": JSON, "ename": JSON, "name": JSON},
)
NAMED = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=40)


@settings(FUZZ, max_examples=40)
@given(st.lists(OUTPUT | JSON, max_size=5), JSON, ODD_TEXT)
def test_any_outputs_attachments_and_texts(root, outputs, attachments, text):
    document = plain(completed(NAME))
    for cell in document["cells"][::5]:
        cell |= {"outputs": outputs} if cell["cell_type"] == "code" else {"attachments": attachments, "source": text}
    check(root, json.dumps(document).encode())


@settings(FUZZ, max_examples=25)
@given(st.dictionaries(NAMED, st.sampled_from([*NAMES, ""]), max_size=3))
def test_any_file_names(tmp_path_factory, files):
    root = tmp_path_factory.mktemp("names")
    folder = hand_in(root, {f"{ASSIGNMENT}/x": ""})
    for name, content in files.items():
        path = folder / f"{name}.ipynb"
        if len(path.name.encode()) < 256 and name not in (".", ".."):
            path.write_text(nbformat.writes(RELEASED[content]) if content else "", encoding="utf-8")
    valid(triage_submission(folder, RELEASED))


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 3_000_000,
        b'{"cells": [' + b"[]," * 1_000_000,
        b'{"cells": [' + b'{"a": 1},' * 300_000 + b"]}",
        b'{"nbformat": 4, "cells": [{"cell_type": "markdown", "source": "' + b"<b>[a](" * 150_000 + b'"}]}',
        b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "' + b"(" * 500_000 + b'"}]}',
        b'{"nbformat": 4, "cells": [' + b'{"cell_type": "code", "source": "class A:"},' * 1_500 + b"{}]}",
        b'{"nbformat": 4, "cells": [' + b'{"cell_type": "markdown", "source": "<b>x</b>"},' * 4_000 + b"{}]}",
    ],
    ids=lambda content: content[:20] + content[55:90],
)
def test_memory_and_time_stay_within_bounds(root, content):
    folder = hand_in(root, {f"{ASSIGNMENT}/{NAME}.ipynb": content})
    tracemalloc.start()
    started = time.thread_time()
    try:
        submission = triage_submission(folder, RELEASED)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.thread_time() - started < 20  # tracing takes most of it
    assert peak < 40 * len(content) + 50 * 2**20
    valid(submission)
