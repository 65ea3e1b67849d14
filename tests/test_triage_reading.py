"""Files that are no proper notebook: what can be had is had, and the sentence says what the file looks like."""

import json
import sys
import time
import zipfile
from io import BytesIO

import nbformat
import pytest
from test_triage_honest import ASSIGNMENT, NAMES, RELEASED, completed, graded, plain, sources, triage, triage_one

from autograder.triage import finding, reading

NAME = "02_modules"


def text_of(notebook) -> str:
    return nbformat.writes(notebook)


def is_complete(triaged) -> None:
    """All of the student's work is there."""
    assert triaged.unreadable is None
    assert sources(triaged.notebook) == sources(completed())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_unicode_encodings_are_no_repair(tmp_path, encoding):
    triaged = triage_one(tmp_path, text_of(completed()).encode(encoding))
    is_complete(triaged)
    assert triaged.repairs == []


def test_latin_1(tmp_path):
    notebook = completed()
    graded(notebook, "MixFFN-stub").source += "\n# für die Übung"
    triaged = triage_one(tmp_path, text_of(notebook).encode("latin-1", "replace"))
    assert "für die Übung" in graded(triaged.notebook, "MixFFN-stub").source
    assert triaged.repairs[0].startswith("The file was not saved as UTF-8")


def test_one_broken_byte_costs_one_character(tmp_path):
    data = text_of(completed()).encode().replace("·".encode(), b"\xc2", 1)
    triaged = triage_one(tmp_path, data)
    assert triaged.repairs == ["The file was not saved as UTF-8; characters other than plain ASCII may have been lost."]
    assert sum(a != b for a, b in zip(sources(triaged.notebook), sources(completed()), strict=True)) <= 1


def test_null_bytes_and_trailing_garbage(tmp_path):
    data = text_of(completed()).replace("import torch\\n", "import \0torch\\n").encode() + b"\0\0 }} and more"
    triaged = triage_one(tmp_path, data)
    is_complete(triaged)
    assert triaged.repairs == [
        "The file had null characters in it, which were taken out.",
        "Text after the notebook's end was left out.",
    ]


def test_a_truncated_file_gives_its_complete_cells(tmp_path):
    notebook = completed()
    text = text_of(notebook)
    cut = text.index("class MixFFN")
    triaged = triage_one(tmp_path, text[:cut])
    whole = next(i for i, cell in enumerate(notebook.cells) if cell.source.startswith("class MixFFN"))
    assert triaged.repairs[0] == (
        f"The file is damaged or breaks off; cells that could be read before it does: {whole}. All others are lost."
    )
    assert sources(triaged.notebook)[:whole] == sources(notebook)[:whole]
    assert "Missing check cells were put back: mix_ffn, encoder_layer, decoder." in triaged.repairs
    assert triaged.repairs[-2:] == [
        "Cells of tasks are missing: MixFFN-stub, MixTransformerEncoderLayer-stub, MLPDecoder-stub. What your other "
        "cells define still counts.",
        "Given code is missing: `class DropPath(nn.Module):`.",
    ]


def test_a_file_cut_in_its_first_cell_is_unreadable(tmp_path):
    assert "not one cell could be read" in triage_one(tmp_path, text_of(completed())[:60]).unreadable


def zipped() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("02_modules.ipynb", "{}")
    return file.getvalue()


CONFLICT = '{"cells": [\n<<<<<<< HEAD\n {},\n=======\n {}\n>>>>>>> theirs\n]}'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "02_modules.ipynb is empty"),
        (b" \n\n\0", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"%PDF-1.7 \xff", "looks like a PDF document"),
        (zipped(), "looks like a zip archive"),
        (b"\x1f\x8b\x08", "looks like a gzip archive"),
        (b"\x89PNG\r\n", "looks like a PNG picture"),
        ("<!DOCTYPE html>\n<html><head>", "looks like a web page"),
        ("<!-- saved --> <html>", "looks like a web page"),
        ("# %%\nimport torch\n", "looks like a Python script"),
        ("def f(x):\n    return {x: 1}\n", "looks like a Python script"),
        (CONFLICT, "marks of a git merge conflict"),
        ("hello", "not one cell could be read (it begins with hello)"),
        ("\x1b[31m\n\u202e", "it begins with \\x1b[31m\\n\\u202e"),
        ("[1, 2]", "holds something else in JSON"),
        ("null", "holds something else in JSON"),
        ("NaN", "holds something else in JSON"),
        ('{"url": "https://colab", "doc_id": "x"}', "has no list of cells"),
        ({"cells": {"0": {}}, "nbformat": 4}, "has no list of cells"),
        ({"cells": None, "nbformat": 4}, "has no list of cells"),
        ({"nbformat": 4, "metadata": {}}, "has no list of cells"),
        ({"cells": [], "nbformat": 4}, "has no cell with any text"),
        ({"cells": [None, 3, [], "x"], "nbformat": 4}, "has no cell with any text"),
        ({"worksheets": None, "nbformat": 3}, "has no list of cells"),
        ("[" * 100_000, "nested far more deeply"),
        ('{"a":' * 100_000, "nested far more deeply"),
        ('{"cells": [' + "[" * 100_000 + "]" * 100_000 + "]}", "nested far more deeply"),
    ],
)
def test_what_is_no_notebook_is_said_to_be_none(tmp_path, content, sentence):
    triaged = triage_one(tmp_path, content)
    assert sentence in triaged.unreadable
    assert triaged.notebook == RELEASED[NAME]


@pytest.mark.parametrize("version", [3, 2])
def test_old_formats_are_converted(tmp_path, version):
    notebook = completed()
    graded(notebook, "MixFFN-stub").outputs = [nbformat.v4.new_output("stream", text="my log")]
    old = json.loads(nbformat.writes(notebook, version=3))
    if version == 2:  # there lines are kept without their ends
        for cell in old["worksheets"][0]["cells"]:
            for key in {"input", "source"} & set(cell):
                cell[key] = "".join(cell[key]).split("\n")
    old["nbformat"] = version
    triaged = triage_one(tmp_path, old)
    assert triaged.repairs == [f"The notebook was saved in an old format and was converted: {version}."]
    assert sources(triaged.notebook) == sources(completed())
    assert graded(triaged.notebook, "MixFFN-stub").outputs[0].text == "my log"


def test_an_old_format_that_cannot_be_converted_still_gives_its_sources(tmp_path):
    old = json.loads(nbformat.writes(completed(), version=3))
    for cell in old["worksheets"][0]["cells"]:
        cell.pop("outputs", None)
    old["worksheets"].append(None)
    triaged = triage_one(tmp_path, old)
    assert triaged.repairs == ["The notebook was saved in an old format and was converted: 3."]
    assert sources(triaged.notebook) == sources(completed())


@pytest.mark.parametrize("version", [5, 1, "4", None, [4], True])
def test_unknown_formats_are_read_as_format_4(tmp_path, version):
    notebook = plain(completed()) | {"nbformat": version}
    triaged = triage_one(tmp_path, notebook)
    is_complete(triaged)
    [sentence] = triaged.repairs
    assert sentence.startswith("The file names no notebook format or an unknown one and was read as format 4")


@pytest.mark.parametrize("key", ["nbformat_minor", "metadata"])
def test_missing_or_strange_keys_of_the_notebook(tmp_path, key):
    notebook = plain(completed())
    for value in ("strange", None, 10**30):
        notebook[key] = value
        is_complete(triage_one(tmp_path, notebook))
    del notebook[key]
    triaged = triage_one(tmp_path, notebook)
    is_complete(triaged)
    assert triaged.repairs == []


def test_numbers_that_are_none(tmp_path):
    text = text_of(completed()).replace('"execution_count": null', '"execution_count": NaN', 2)
    text = text.replace('"execution_count": null', f'"execution_count": 1{"0" * 6000}', 1)
    text = text.replace('"execution_count": null', '"execution_count": -Infinity', 1)
    text = text.replace('"execution_count": null', '"execution_count": 1e999', 1)
    triaged = triage_one(tmp_path, text)
    is_complete(triaged)
    assert triaged.repairs == ["Numbers that no notebook can hold (NaN, Infinity, hundreds of digits) were left out."]


def test_keys_that_stand_there_twice(tmp_path):
    text = text_of(completed()).replace('"nbformat": 4,', '"nbformat": 3, "nbformat": 4,')
    triaged = triage_one(tmp_path, text)
    is_complete(triaged)
    assert triaged.repairs == ["The file gives some of its entries twice; the last ones count."]


def test_damaged_cells(tmp_path):
    notebook = plain(completed())
    cells = notebook["cells"]
    cells[0]["source"] = None
    cells[1]["source"] = 7
    cells[3]["source"] = ["## The whole ", None, "model\n", 3]
    cells[4] |= {"metadata": None, "outputs": "none", "execution_count": True}
    cells[5] = "no cell"
    cells[6] |= {"outputs": [None, {}, {"output_type": "stream"}, {"output_type": "nonsense"}, {"output_type": []}]}
    cells[7] |= {"cell_type": "nonsense", "metadata": []}
    cells[8] |= {"cell_type": ["code"], "attachments": 3}
    cells[9]["metadata"] = {"nbgrader": "yes", "tags": "experiment"}
    cells[10] = {}
    cells[11] = {"cell_type": "markdown"}
    triaged = triage_one(tmp_path, notebook)
    assert triaged.unreadable is None
    assert sources(triaged.notebook)[14:] == sources(completed())[15:]
    assert triaged.repairs == [
        "Things in the list of cells that are no cells were left out: cell 6.",
        "Damaged parts of cells were left out: the source of cell 2, lines of cell 4, the outputs of cell 5, "
        "the metadata of cell 8, the attachments of cell 9, the tags of cell 10 and 1 more.",
        "Cells of an unknown type are kept as plain text: cell 8, cell 9, cell 11.",
        "The tags of cells, which say what is executed, were changed and were put back: cell 5.",
        "Cells had been given another type (code, text) and got theirs back: cell 8, cell 9.",
        "Outputs that a page cannot show were left out: cell 7.",
    ]


def test_text_that_cannot_be_saved(tmp_path):
    notebook = plain(completed())
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "MixFFN-stub":
            cell["source"] = "x = '\ud800 \0'"
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "\udfff"}]
    triaged = triage_one(tmp_path, notebook)
    assert graded(triaged.notebook, "MixFFN-stub").source == "x = '\ufffd \ufffd'"
    assert "Characters that no text can hold were replaced" in triaged.repairs[0]


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}, "R"),
        ({"kernelspec": {"name": "bash", "display_name": "Bash"}}, "bash"),
        ({"language_info": {"name": "julia"}, "kernelspec": {"name": "julia-1.9", "display_name": "J"}}, "julia"),
        ({"kernelspec": {"name": "julia-1.9", "display_name": "J", "evil": [[]]}}, "julia-1.9"),
    ],
)
def test_another_kernel(tmp_path, metadata, language):
    triaged = triage_one(tmp_path, plain(completed()) | {"metadata": metadata})
    is_complete(triaged)
    assert triaged.repairs == [
        f"The notebook was set to a language other than Python; the released kernel was put back: {language}."
    ]


def test_too_large_a_file_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(finding, "MAX_FILE", 2**20)
    big = plain(completed()) | {"filler": "x" * 2**20}
    submission = triage(tmp_path, {f"{ASSIGNMENT}/02_modules.ipynb": big})
    assert submission.notebooks[NAME].unreadable == (
        "02_modules.ipynb is larger than 1 MiB: clear its outputs (Edit > Clear Outputs of All Cells), save it and "
        "hand it in again."
    )
    assert submission.refused_files == [tmp_path / "submitted" / "anna" / ASSIGNMENT / "02_modules.ipynb"]
    assert submission.notes == ["No notebook was handed in.", "Larger than 1 MiB: 02_modules.ipynb."]


def test_too_many_cells_or_values(tmp_path, monkeypatch):
    notebook = plain(completed())
    notebook["cells"] *= 60
    assert "has more than 5,000 cells" in triage_one(tmp_path, notebook).unreadable
    cut = json.dumps(notebook)[:-9]
    assert "has more than 5,000 cells" in triage_one(tmp_path, cut).unreadable
    monkeypatch.setattr(reading, "MAX_VALUES", 10_000)
    many = plain(completed()) | {"filler": [[]] * 10_000}
    assert "far more values than a notebook" in triage_one(tmp_path, many).unreadable
    quoted = plain(completed()) | {"filler": "[," * 10_000}
    is_complete(triage_one(tmp_path, quoted))


def test_a_cell_that_is_far_too_long_is_left_out(tmp_path):
    notebook = plain(completed())
    notebook["cells"].insert(2, {"cell_type": "code", "source": "x = '" + "a" * 5_000_000 + "'", "metadata": {}})
    triaged = triage_one(tmp_path, notebook)
    is_complete(triaged)
    assert triaged.repairs == ["Cells with more than four million characters were left out: cell 3."]


@pytest.mark.parametrize(
    "text",
    [
        '"' + "\\" * 2_000_001,
        '{"cells": [' + '"\\"' * 300_000,
        '{"' + '\\"' * 1_000_000,
        '{"cells": [' + "{}," * 1_000_000,
        " " * 3_000_000,
        "{" + "\n<" * 500_000,
        "<!--" * 500_000,
    ],
)
def test_broken_files_are_read_in_linear_time(tmp_path, monkeypatch, text):
    monkeypatch.setattr(reading, "MAX_VALUES", 1000)
    started = time.thread_time()
    assert triage_one(tmp_path, text).unreadable
    assert time.thread_time() - started < 5


def test_every_other_notebook_is_untouched_by_a_broken_one(tmp_path):
    files = {f"{ASSIGNMENT}/{name}.ipynb": plain(completed(name)) for name in NAMES}
    submission = triage(tmp_path, files | {f"{ASSIGNMENT}/{NAME}.ipynb": "{"})
    assert [name for name, triaged in submission.notebooks.items() if triaged.unreadable] == [NAME]
    assert all(not triaged.repairs for triaged in submission.notebooks.values())
    assert sys.getrecursionlimit() <= 10_000  # nothing was raised to read deep files
