"""Cells that students lost, copied, moved, split, retyped or marked as they liked, held against the released ones."""

import copy
import json
from itertools import pairwise

import jupytext
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell
from test_triage_honest import (
    ANSWER,
    NAMES,
    RELEASED,
    as_colab,
    as_format_4_4,
    completed,
    graded,
    index,
    plain,
    role,
    sources,
    triage_one,
)

from segkit.student import code_cells

MIX_FFN = "class MixFFN(nn.Module):\n    mine = True"
DISCUSSION = "05_discussion"


def executed(notebook) -> str:
    """What the grader executes of a notebook."""
    return "\n".join(cell.source for cell in code_cells(notebook))


def without_marks(notebook, *, keep_tags: bool) -> dict:
    saved = as_format_4_4(notebook)
    for cell in saved["cells"]:
        tags = cell["metadata"].get("tags")
        cell["metadata"] = {"tags": tags} if keep_tags and tags else {}
    return saved


@pytest.mark.parametrize("keep_tags", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_marks_and_ids_stripped_from_all_cells(tmp_path, name, keep_tags):
    """As after Colab, an editor's plug-in, or a conversion to a script and back."""
    triaged = triage_one(tmp_path, without_marks(completed(name), keep_tags=keep_tags), name)
    assert sources(triaged.notebook) == sources(completed(name))
    assert [cell.metadata for cell in triaged.notebook.cells] == [cell.metadata for cell in completed(name).cells]
    lost, *tags = triaged.repairs
    assert lost.startswith("The grading marks (nbgrader's metadata) of cells were missing and were put back: ")
    assert [sentence.split(",")[0] for sentence in tags] == ([] if keep_tags else ["The tags of cells"])


def test_a_round_trip_through_a_script(tmp_path):
    for name in NAMES:
        script = jupytext.writes(completed(name), fmt="py:percent")
        back = plain(jupytext.reads(script, fmt="py:percent"))
        for cell in back["cells"]:
            cell["metadata"].pop("nbgrader", None)
        triaged = triage_one(tmp_path, back, name)
        assert [s.strip() for s in sources(triaged.notebook)] == [s.strip() for s in sources(completed(name))]
        assert len(triaged.repairs) == 1


def test_marks_stripped_from_some_cells(tmp_path):
    notebook = plain(completed())
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") in ("MixFFN-stub", "mix_ffn", "decoder"):
            del cell["metadata"]["nbgrader"], cell["id"]
    triaged = triage_one(tmp_path, notebook)
    assert sources(triaged.notebook) == sources(completed())
    assert triaged.repairs == [
        "The grading marks (nbgrader's metadata) of cells were missing and were put back: MixFFN-stub, mix_ffn, "
        "decoder."
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"points": 100},
        {"points": "many"},
        {"points": float(10**9), "grade": False},
        {"grade": 1, "locked": "no"},
        {"solution": True},
        {"schema_version": 1},
        {"schema_version": None},
        {"schema_version": 99},
        {"task": []},
        {"cell_type": "markdown"},
        {"checksum": "0" * 32},
        {"grade_id": "renamed"},
        {"grade_id": ""},
        {"grade_id": ["mix_ffn"]},
        {"grade_id": "mix ffn\n<b>"},
        {"extra": {"a": [1]}},
    ],
    ids=str,
)
def test_edited_marks_are_put_back(tmp_path, change):
    notebook = plain(completed())
    for cell in notebook["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("grade_id") in ("mix_ffn", "MixFFN-stub"):
            marks |= change
    triaged = triage_one(tmp_path, notebook)
    assert sources(triaged.notebook) == sources(completed())
    lasting = change.keys() - {"points", "checksum"}  # these change with a new release: nobody is blamed for them
    before = {name: graded(RELEASED["02_modules"], name).metadata.nbgrader for name in ("MixFFN-stub", "mix_ffn")}
    changed = [name for name, marks in before.items() if any(marks.get(key) != change[key] for key in lasting)]
    sentence = f"The grading marks (nbgrader's metadata) of cells were changed and were put back: {', '.join(changed)}."
    assert triaged.repairs == ([sentence] if changed else [])
    for name, marks in before.items():
        assert graded(triaged.notebook, name).metadata.nbgrader == marks


def test_invented_marks_are_taken_off(tmp_path):
    notebook = completed()
    marks = {"grade": True, "points": 50, "grade_id": "mine", "locked": False, "solution": False, "schema_version": 3}
    notebook.cells.insert(2, new_code_cell("mine = 1", metadata={"nbgrader": marks}))
    notebook.cells[0].metadata["nbgrader"] = marks
    notebook.cells.append(new_markdown_cell("hello", metadata={"nbgrader": {"grade_id": "<script>"}}))
    triaged = triage_one(tmp_path, notebook)
    assert [cell.metadata for cell in triaged.notebook.cells[:3]] == [{}, {}, {}]
    assert triaged.repairs == [
        "The grading marks (nbgrader's metadata) of cells were changed and were put back: cell 1.",
        f"Cells that the release does not know as graded lost their grading marks: cell 3, cell {len(notebook.cells)}.",
    ]


def test_doubled_ids(tmp_path):
    notebook = plain(completed())
    for number in (1, 2, 3):
        notebook["cells"][number]["id"] = notebook["cells"][0]["id"]
    notebook["cells"][5]["id"] = "not possible!"
    notebook["cells"][6]["id"] = 7
    triaged = triage_one(tmp_path, notebook)
    assert sources(triaged.notebook) == sources(completed())
    assert triaged.repairs == [
        "Cells whose technical id was doubled or impossible got a new one: cell 6, cell 7.",
    ]
    notebook["cells"].insert(1, {"cell_type": "code", "source": "x = 1", "id": notebook["cells"][0]["id"]})
    triaged = triage_one(tmp_path, notebook)
    assert "got a new one: cell 7, cell 8, cell 2." in triaged.repairs[0]


@pytest.mark.parametrize("untouched_first", [True, False])
def test_a_copied_stub(tmp_path, untouched_first):
    """The edited one is the task; the other stays code, and does not undo it."""
    notebook = completed()
    at = index(notebook, "MixFFN-stub")
    twin = copy.deepcopy(graded(RELEASED["02_modules"], "MixFFN-stub"))
    twin.id = "twin"
    notebook.cells.insert(at if untouched_first else at + 1, twin)
    triaged = triage_one(tmp_path, notebook)
    assert graded(triaged.notebook, "MixFFN-stub").source == graded(completed(), "MixFFN-stub").source
    other = triaged.notebook.cells[at if untouched_first else at + 1]
    assert other.cell_type == "code" and "nbgrader" not in other.metadata
    assert "Task 2.3" not in executed(triaged.notebook).rpartition("class MixFFN")[2]
    assert triaged.repairs[0] == ("Cells stood there more than once; the one you worked in counts: MixFFN-stub.")
    idle = "An untouched copy of a task after your own work on it is not executed: MixFFN-stub."
    assert triaged.repairs[1:] == ([] if untouched_first else [idle])


def test_two_edited_copies_of_a_stub(tmp_path):
    notebook = completed()
    at = index(notebook, "MixFFN-stub")
    twin = copy.deepcopy(notebook.cells[at])
    twin.source, twin.id = MIX_FFN, "twin"
    notebook.cells.insert(at + 1, twin)
    triaged = triage_one(tmp_path, notebook)
    assert graded(triaged.notebook, "MixFFN-stub").source == MIX_FFN  # the later one, which also wins when executed
    assert triaged.notebook.cells[at].source == graded(completed(), "MixFFN-stub").source


def test_the_whole_notebook_pasted_twice(tmp_path):
    notebook = completed()
    notebook.cells += copy.deepcopy(RELEASED["02_modules"].cells)
    triaged = triage_one(tmp_path, notebook)
    assert sources(triaged.notebook) == sources(notebook)
    assert "raise NotImplementedError" not in executed(triaged.notebook)  # the second, untouched stubs undo nothing


def test_work_above_an_untouched_stub(tmp_path):
    notebook = completed()
    stub = graded(notebook, "MixFFN-stub")
    work, stub.source = stub.source, graded(RELEASED["02_modules"], "MixFFN-stub").source
    notebook.cells.insert(index(notebook, "MixFFN-stub"), new_code_cell(work))
    triaged = triage_one(tmp_path, notebook)
    assert graded(triaged.notebook, "MixFFN-stub").source == work
    assert "is not executed: MixFFN-stub." in triaged.repairs[-1]


def test_a_copied_check_with_own_code_in_it(tmp_path):
    notebook = completed()
    twin = copy.deepcopy(graded(notebook, "mix_ffn"))
    twin.source, twin.id, twin.outputs = "def helper():\n    return 1", "twin", [new_output("stream", text="1.0")]
    notebook.cells.insert(index(notebook, "mix_ffn"), twin)
    triaged = triage_one(tmp_path, notebook)
    assert "def helper" in executed(triaged.notebook)
    assert triaged.repairs == ["Cells stood there more than once; the one you worked in counts: mix_ffn."]


def test_a_check_that_was_edited(tmp_path):
    notebook = completed()
    graded(notebook, "mix_ffn").source = 'print("all right")'
    graded(notebook, "mix_ffn").outputs = [new_output("execute_result", data={"text/plain": "6.0"}, execution_count=1)]
    graded(notebook, "decoder").source = "def helper():\n    return 1\n\n\ncheck('decoder')"
    graded(notebook, "attention").source = "check( 'attention' )"
    triaged = triage_one(tmp_path, notebook)
    assert graded(triaged.notebook, "mix_ffn").source == 'check("mix_ffn")'
    assert "def helper" in executed(triaged.notebook)
    assert triaged.repairs == [
        "Locked cells were edited and got their released text back: mix_ffn, decoder.",
        "Code that you wrote in a locked cell was moved to a cell of its own: decoder.",
    ]


def test_missing_cells(tmp_path):
    notebook = completed()
    notebook.cells = [
        cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") not in ("mix_ffn", "decoder", "MLPDecoder-stub")
        and "class DropPath" not in cell.source
    ]
    triaged = triage_one(tmp_path, notebook)
    ids = [cell.metadata.nbgrader.grade_id for cell in triaged.notebook.cells if "nbgrader" in cell.metadata]
    order = [cell.metadata.nbgrader.grade_id for cell in RELEASED["02_modules"].cells if "nbgrader" in cell.metadata]
    assert ids == [grade_id for grade_id in order if grade_id != "MLPDecoder-stub"]
    assert triaged.repairs == [
        "Missing check cells were put back: mix_ffn, decoder.",
        "Cells of tasks are missing: MLPDecoder-stub. What your other cells define still counts.",
        "Given code is missing: `class DropPath(nn.Module):`.",
    ]


def test_a_deleted_stub_whose_code_stands_elsewhere(tmp_path):
    notebook = completed()
    cell = notebook.cells.pop(index(notebook, "MixFFN-stub"))
    notebook.cells.append(new_code_cell(cell.source, id="elsewhere"))
    triaged = triage_one(tmp_path, notebook)
    assert triaged.notebook.cells[-1].metadata.nbgrader.grade_id == "MixFFN-stub"
    assert triaged.repairs == [
        "The grading marks (nbgrader's metadata) of cells were missing and were put back: MixFFN-stub.",
        "Code cells stand in another order than released and are executed in yours: MLPDecoder-stub before "
        "MixFFN-stub.",
    ]


def test_a_deleted_answer_counts_as_none(tmp_path):
    notebook = completed(DISCUSSION)
    notebook.cells = [cell for cell in notebook.cells if cell is not graded(notebook, "q3")]
    triaged = triage_one(tmp_path, notebook, DISCUSSION)
    assert graded(triaged.notebook, "q3") == graded(RELEASED[DISCUSSION], "q3")
    assert index(triaged.notebook, "q3") == index(RELEASED[DISCUSSION], "q3")
    assert triaged.repairs == ["Missing answer cells were put back and count as not answered: q3."]


def test_an_answer_in_a_cell_of_its_own(tmp_path):
    """Below or above the untouched cell, or in its place."""
    notebook = completed(DISCUSSION)
    released = RELEASED[DISCUSSION]
    for grade_id, shift in (("q1", 1), ("q2", 0)):
        graded(notebook, grade_id).source = graded(released, grade_id).source
        notebook.cells.insert(index(notebook, grade_id) + shift, new_markdown_cell(f"Mine for {grade_id}."))
    notebook.cells[index(notebook, "q3")] = new_markdown_cell("Mine for q3.")
    notebook.cells[index(notebook, "q4")] = new_code_cell("I write prose in a code cell, as one does.")
    triaged = triage_one(tmp_path, notebook, DISCUSSION)
    assert [graded(triaged.notebook, f"q{n}").source for n in (1, 2, 3)] == [f"Mine for q{n}." for n in (1, 2, 3)]
    assert graded(triaged.notebook, "q4").source.startswith("I write prose")
    assert len(triaged.notebook.cells) == len(released.cells)
    assert triaged.repairs == [
        "The grading marks (nbgrader's metadata) of cells were missing and were put back: q3, q4.",
        "Cells had been given another type (code, text) and got theirs back: q4.",
        "Parts of one cell that had been split were joined: q1, q2.",
    ]


@pytest.mark.parametrize("marks", ["copied", "missing"])
def test_a_split_answer(tmp_path, marks):
    notebook = completed(DISCUSSION)
    at = index(notebook, "q1")
    first, second = ANSWER.split("\n\n", 1)
    notebook.cells[at].source = first
    part = new_markdown_cell(second)
    part.attachments = {"a.png": {"image/png": "iVBORw0KGgo="}}
    if marks == "copied":
        part.metadata = copy.deepcopy(notebook.cells[at].metadata)
    notebook.cells.insert(at + 1, part)
    triaged = triage_one(tmp_path, notebook, DISCUSSION)
    assert graded(triaged.notebook, "q1").source == ANSWER
    assert graded(triaged.notebook, "q1").attachments == {"a.png": {"image/png": "iVBORw0KGgo="}}
    assert triaged.repairs == ["Parts of one cell that had been split were joined: q1."]


def test_copies_of_an_answer(tmp_path):
    notebook = completed(DISCUSSION)
    untouched, same = copy.deepcopy(graded(RELEASED[DISCUSSION], "q1")), copy.deepcopy(graded(notebook, "q2"))
    notebook.cells.insert(2, untouched)
    notebook.cells.append(same)
    triaged = triage_one(tmp_path, notebook, DISCUSSION)
    assert graded(triaged.notebook, "q1").source == graded(triaged.notebook, "q2").source == ANSWER
    assert triaged.repairs[-1] == "Cells stood there more than once; the one you worked in counts: q1, q2."


@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize("marks", ["copied", "missing", "on the last part"])
def test_a_split_stub(tmp_path, parts, marks):
    notebook = completed()
    at = index(notebook, "MixFFN-stub")
    stub = notebook.cells[at]
    lines = stub.source.split("\n")
    heads = [i for i, line in enumerate(lines) if line.startswith("    def ")][: parts - 1]
    cuts = [0, *heads, len(lines)]
    pieces = [new_code_cell("\n".join(lines[a:b])) for a, b in pairwise(cuts)]
    for number, piece in enumerate(pieces):
        first, last = number == 0, number == len(pieces) - 1
        if marks == "copied" or (first if marks == "missing" else last):
            piece.metadata = copy.deepcopy(stub.metadata)
    notebook.cells[at : at + 1] = pieces
    triaged = triage_one(tmp_path, notebook)
    assert sources(triaged.notebook) == sources(completed())
    assert "Parts of one cell that had been split were joined: MixFFN-stub." in triaged.repairs


def test_valid_parts_stay_cells_of_their_own(tmp_path):
    notebook = completed()
    at = index(notebook, "MixTransformerEncoderLayer-stub")
    stub = notebook.cells[at]
    first, second = stub.source.split("\n\n\nclass Mix")
    stub.source = first
    notebook.cells.insert(at + 1, new_code_cell(f"class Mix{second}", id="second", metadata=stub.metadata))
    triaged = triage_one(tmp_path, notebook)
    assert sources(triaged.notebook) == sources(notebook)
    assert triaged.repairs == [
        "Cells stood there more than once; the one you worked in counts: MixTransformerEncoderLayer-stub."
    ]


def test_retyped_cells(tmp_path):
    notebook = completed()
    for grade_id, make in (("MixFFN-stub", new_markdown_cell), ("MLPDecoder-stub", new_raw_cell)):
        old = graded(notebook, grade_id)
        new = make(old.source, id=old.id, metadata=old.metadata)
        notebook.cells[index(notebook, grade_id)] = new
    triaged = triage_one(tmp_path, notebook)
    assert sources(triaged.notebook) == sources(completed())
    assert executed(triaged.notebook) == executed(completed())
    assert triaged.repairs == [
        "Cells had been given another type (code, text) and got theirs back: MixFFN-stub, MLPDecoder-stub."
    ]
    discussion = completed(DISCUSSION)
    at = index(discussion, "q1")
    discussion.cells[at] = new_code_cell(ANSWER, id="q1", metadata=discussion.cells[at].metadata, execution_count=3)
    triaged = triage_one(tmp_path, discussion, DISCUSSION)
    assert sources(triaged.notebook) == sources(completed(DISCUSSION))


def test_tags_hide_no_work_and_run_no_training(tmp_path):
    notebook = completed()
    graded(notebook, "MixFFN-stub").metadata["tags"] = ["experiment"]
    trained = next(cell for cell in notebook.cells if "experiment" in cell.metadata.get("tags", []))
    trained.metadata["tags"] = ["hide-input", "bad,tag", 3]
    graded(notebook, "mix_ffn").metadata.pop("tags")
    notebook.cells.append(new_code_cell("y = 1", id="y"))
    notebook.cells[-1].metadata["tags"] = ["check", "experiment", "experiment"]
    triaged = triage_one(tmp_path, json.loads(json.dumps(notebook)))
    assert executed(triaged.notebook) == executed(completed())
    number = notebook.cells.index(trained) + 1
    assert triaged.repairs == [
        f"The tags of cells, which say what is executed, were changed and were put back: cell {number}, MixFFN-stub, "
        "mix_ffn."
    ]
    assert triaged.notebook.cells[-1].metadata == {"tags": ["experiment"]}


def test_a_copied_experiment_stays_one(tmp_path):
    notebook = completed()
    at = next(i for i, cell in enumerate(notebook.cells) if "experiment" in cell.metadata.get("tags", []))
    notebook.cells.insert(at, copy.deepcopy(notebook.cells[at]))
    notebook.cells[at].id = "first-run"
    triaged = triage_one(tmp_path, notebook)
    assert triaged.notebook == notebook and triaged.repairs == []


def test_edited_experiments_and_given_cells_are_found_without_ids(tmp_path):
    notebook = completed()
    for cell in notebook.cells:
        if "tags" in cell.metadata and "experiment" in cell.metadata["tags"]:
            cell.source = f"# tried again\n{cell.source}\nprint('done')"
    notebook.cells[0].source += " (my copy)"
    triaged = triage_one(tmp_path, without_marks(notebook, keep_tags=False))
    found = [cell.source for cell in triaged.notebook.cells if "experiment" in cell.metadata.get("tags", [])]
    wanted = [cell.source for cell in notebook.cells if "experiment" in cell.metadata.get("tags", [])]
    assert len(set(wanted) & set(found)) >= 0.8 * len(wanted)
    assert executed(triaged.notebook).startswith(executed(completed())[:100])


def test_moved_cells(tmp_path):
    notebook = completed()
    check = notebook.cells.pop(index(notebook, "mix_ffn"))
    notebook.cells.append(check)
    text = notebook.cells.pop(1)
    notebook.cells.insert(20, text)
    triaged = triage_one(tmp_path, notebook)
    assert triaged.notebook == notebook and triaged.repairs == []  # no harm is done
    imports = next(cell for cell in notebook.cells if cell.source.startswith("import sys"))
    notebook.cells.remove(imports)
    notebook.cells.append(imports)
    triaged = triage_one(tmp_path, notebook)
    assert sources(triaged.notebook) == sources(notebook)
    assert triaged.repairs == [
        "Code cells stand in another order than released and are executed in yours: MLPDecoder-stub before `import "
        "sys`."
    ]


def test_a_given_cell_used_for_something_else(tmp_path):
    notebook = completed()
    notebook.cells[0] = new_code_cell("helper = 3", id=notebook.cells[0].id)
    triaged = triage_one(tmp_path, notebook)
    assert "helper = 3" in executed(triaged.notebook)


def test_cell_metadata_that_is_not_known_to_be_harmless_goes(tmp_path):
    notebook = completed()
    odd = {"transient": {"remove_source": True}, "raw_mimetype": 3, "magics_language": "x", "name": "", "alt": "<b>"}
    notebook.cells[2].metadata |= odd | {"collapsed": True, "scrolled": "auto"}
    notebook.cells.insert(4, new_raw_cell("a <b> c", id="raw", metadata={"raw_mimetype": "text/html"}))
    triaged = triage_one(tmp_path, plain(notebook))
    assert triaged.notebook.cells[2].metadata == completed().cells[2].metadata | {"collapsed": True}
    assert triaged.notebook.cells[4].metadata == {}
    assert triaged.notebook.cells[4].source == "a &lt;b> c"
    assert triaged.repairs == []


def test_everything_at_once(tmp_path):
    """Colab, no marks, a copied stub, a split one, an answer elsewhere: all of the work is still there."""
    notebook = completed("04_results")
    stub = index(notebook, "per_class_iou-stub")
    head, tail = notebook.cells[stub].source.split('\n    """', 1)
    notebook.cells[stub : stub + 1] = [new_code_cell(head), new_code_cell('    """' + tail)]
    notebook.cells[index(notebook, "qualitative")] = new_markdown_cell("It works, mostly.")
    saved = as_colab(notebook)
    for cell in saved["cells"]:
        cell["metadata"].pop("nbgrader", None)
    triaged = triage_one(tmp_path, saved, "04_results")
    assert executed(triaged.notebook) == executed(completed("04_results"))
    assert graded(triaged.notebook, "qualitative").source == "It works, mostly."
    released = completed("04_results")
    assert [role(cell) for cell in triaged.notebook.cells if role(cell) != "other"] == [
        role(cell) for cell in released.cells if role(cell) != "other"
    ]
