"""What `student_code` and the grader take from a notebook, and the sentences they say when they cannot."""

import codecs
import dataclasses
import json
import os

import pytest

from segkit.errors import CourseError
from segkit.student import Cell, code_cells, load_cells, loaded_modules, provide_sources, student_code


@pytest.fixture(autouse=True)
def in_a_folder_of_notebooks(tmp_path, monkeypatch):
    """Every test works in an empty folder; what the grader's reference provides elsewhere is put aside."""
    monkeypatch.chdir(tmp_path)
    provide_sources({})
    yield
    provide_sources({})


def code(source, *tags):
    return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}, "outputs": []}


def save(folder, name, *cells):
    """Write a notebook; a later save is always seen as later, however fast the test."""
    path = folder / f"{name}.ipynb"
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(json.dumps({"cells": list(cells), "nbformat": 4, "nbformat_minor": 5, "metadata": {}}))
    os.utime(path, ns=(before + 10**9, before + 10**9))
    return path


def load(*sources):
    return load_cells("02_modules", [Cell(number, source) for number, source in enumerate(sources, start=1)])


# --- which cells, which statements ----------------------------------------------------------------------------------


def test_the_last_definition_of_a_name_wins():
    loaded = load("def answer():\n    return 1", "def answer():\n    return 2", "x = answer()")
    assert loaded.problems == []
    assert (loaded.module.answer(), loaded.module.x) == (2, 2)


def test_a_duplicated_cell_counts_once_more_and_the_later_copy_wins(tmp_path):
    first = code("def answer():\n    return 'first'")
    save(tmp_path, "02_modules", first, first, code("def answer():\n    return 'edited copy'"))
    assert student_code("02_modules").answer() == "edited copy"


def test_only_untagged_code_cells_are_taken_and_numbered_among_all():
    notebook = {
        "cells": [
            {"cell_type": "markdown", "source": "x = 1"},
            code("x = 2", "experiment"),
            code("x = 3", "check"),
            code(["x = 4\n", "y = 5"]),
            {"cell_type": "raw", "source": "x = 6"},
            code("z = 7", "my own tag"),
        ]
    }
    assert code_cells(notebook) == [Cell(4, "x = 4\ny = 5"), Cell(6, "z = 7")]


@pytest.mark.parametrize(
    "notebook",
    [
        {},
        {"cells": None},
        {"cells": "x = 1"},
        {"cells": [None, 3, "x = 1", []]},
        {"cells": [{}, {"cell_type": "markdown"}, {"cell_type": ["code"]}]},
    ],
    ids=str,
)
def test_a_notebook_without_readable_cells_has_none(notebook):
    assert code_cells(notebook) == []


@pytest.mark.parametrize("metadata", [None, [], {"tags": None}, {"tags": "experiment"}, {"tags": [{}, 3]}], ids=str)
def test_metadata_of_any_shape_is_no_reason_to_lose_a_cell(metadata):
    assert code_cells({"cells": [{"cell_type": "code", "source": ["x = 1", 2], "metadata": metadata}]}) == [
        Cell(1, "x = 1")
    ]


def test_calls_loops_and_conditions_are_not_executed(tmp_path):
    touched = tmp_path / "touched"
    loaded = load(
        f"""
import pathlib
path: pathlib.Path = pathlib.Path({str(touched)!r})
path.touch()
for _ in range(1):
    path.touch()
if True:
    path.touch()
with open(path, "w"):
    pass
try:
    path.touch()
finally:
    pass
assert False
class Kept: ...
async def kept_too(): ...
"""
    )
    assert loaded.problems == []
    assert not touched.exists()
    assert loaded.module.Kept and loaded.module.kept_too and loaded.module.path == touched


def test_lines_for_ipython_are_left_out():
    loaded = load(
        "%matplotlib inline\n!pip install something\n?torch\nx = 1\nx?\nx.real??",
        "%%time\ny = 2\n\n",
        "\n%%capture out\nz = 3",
        "def f():\n    !ls\n    %time\n    return 4\ndef only():\n    !ls",
    )
    assert loaded.problems == []
    assert (loaded.module.x, loaded.module.y, loaded.module.z, loaded.module.f()) == (1, 2, 3, 4)


def test_what_stands_under_a_magic_of_another_language_is_not_executed():
    loaded = load("%%bash\nx=1", "%%writefile model.py\ny = 2", "%%html\n<b>")
    assert loaded.problems == []
    assert not hasattr(loaded.module, "x")
    assert not hasattr(loaded.module, "y")


def test_a_line_may_begin_with_the_operator_percent():
    loaded = load("x = (\n    'channels: %d'\n    % 7\n)\nremainder = (17\n%5)\ntext = '''\n%d percent\n!important'''")
    assert loaded.problems == []
    assert (loaded.module.x, loaded.module.remainder) == ("channels: 7", 2)
    assert loaded.module.text == "\n%d percent\n!important"


def test_the_line_number_counts_the_lines_left_out():
    loaded = load("\n\n%matplotlib inline\n\nx = 1 / 0")
    assert loaded.problems == ["cell 1 of 02_modules, line 5: ZeroDivisionError: division by zero"]


# --- failures -------------------------------------------------------------------------------------------------------


def test_a_syntax_error_costs_its_own_cell_only():
    loaded = load("x = 1", "y = 2\nclass Broken(:\n    pass", "z = 3")
    assert (loaded.module.x, loaded.module.z) == (1, 3)
    assert not hasattr(loaded.module, "y")
    assert len(loaded.problems) == 1
    assert loaded.problems[0].startswith("cell 2 of 02_modules is not valid Python (invalid syntax")


def test_a_failing_import_costs_its_own_statement_only():
    loaded = load("import no_such_package_here\nimport math\nx = math.pi")
    assert loaded.problems == [
        "cell 1 of 02_modules, line 1: ModuleNotFoundError: No module named 'no_such_package_here'"
    ]
    assert loaded.module.x > 3


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import sys\nstop = sys.exit(3)", "SystemExit: 3"),
        ("x = y", "NameError: name 'y' is not defined"),
        ("x = \0", "null bytes"),
        ("x = '\ud800'", "not valid Python"),
        ("x = " + "-" * 100_000 + "1", "not valid Python"),
        ("class Odd(Exception):\n    def __str__(self): raise self\ndef f(): raise Odd\nx = f()", "Odd"),
    ],
)
def test_whatever_a_statement_raises_becomes_a_sentence_and_the_rest_goes_on(source, words):
    loaded = load(source, "after = 1")
    assert loaded.module.after == 1
    assert len(loaded.problems) == 1
    assert words in loaded.problems[0]


def test_dataclasses_annotations_and_inheritance_work():
    loaded = load(
        "from __future__ import annotations\nfrom dataclasses import dataclass, field\nfrom typing import NamedTuple",
        "@dataclass\nclass Sizes:\n    channels: int = 3\n    others: list[int] = field(default_factory=list)",
        "@dataclass(order=True)\nclass More(Sizes):\n    heads: int = 1\nclass P(NamedTuple):\n    x: int",
        "sizes = More(5, heads=2)",
    )
    assert loaded.problems == []
    assert dataclasses.asdict(loaded.module.sizes) == {"channels": 5, "others": [], "heads": 2}
    assert loaded.module.P(1).x == 1


def test_a_future_import_holds_for_the_cells_after_it():
    loaded = load("def before(x: NotThere): ...", "from __future__ import annotations", "def f(x: NotThere): return 1")
    assert loaded.problems == ["cell 1 of 02_modules, line 1: NameError: name 'NotThere' is not defined"]
    assert loaded.module.f(0) == 1
    assert load("def other(x: NotThere): ...").problems  # and for no other notebook


# --- student_code ---------------------------------------------------------------------------------------------------


def test_a_missing_notebook_is_said_with_its_folder(tmp_path):
    with pytest.raises(CourseError) as error:
        student_code("02_modules")
    assert str(error.value) == (
        f"There is no 02_modules.ipynb in {tmp_path}: keep the notebooks that belong together in one folder and save "
        "02_modules.ipynb before you go on."
    )


def test_a_missing_name_is_said_with_what_went_wrong_while_loading(tmp_path):
    save(tmp_path, "02_modules", code("x = 1"), code("class MixFFN(:"))
    module = student_code("02_modules")
    assert module.x == 1
    with pytest.raises(AttributeError) as error:
        _ = module.MixFFN
    sentence = str(error.value)
    assert sentence.startswith("02_modules.ipynb does not define MixFFN yet: complete its task there and save")
    assert "While it was loaded: cell 2 of 02_modules is not valid Python" in sentence
    assert not sentence.endswith("..")


def test_a_missing_name_without_problems_is_one_sentence(tmp_path):
    save(tmp_path, "02_modules", code("x = 1"))
    with pytest.raises(AttributeError) as error:
        _ = student_code("02_modules").MixFFN
    assert str(error.value).endswith("complete its task there and save the notebook.")
    with pytest.raises(AttributeError, match=r"^__wrapped__$"):  # what Python itself asks for is no task
        _ = student_code("02_modules").__wrapped__


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "could not be read as a notebook"),
        (b"{", "could not be read as a notebook"),
        (b"\xff\xfe\x00", "could not be read as a notebook"),
        (b"[" * 100_000, "could not be read as a notebook"),
        (b"[]", "holds no notebook"),
        (b"null", "holds no notebook"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path, content, words):
    (tmp_path / "02_modules.ipynb").write_bytes(content)
    with pytest.raises(CourseError, match=words) as error:
        student_code("02_modules")
    assert "save it again from Jupyter" in str(error.value)


def test_a_notebook_saved_with_a_byte_order_mark_is_read(tmp_path):
    path = save(tmp_path, "02_modules", code("text = 'Grüße'"))
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert student_code("02_modules").text == "Grüße"


def test_a_notebook_is_loaded_once_and_again_after_it_was_saved(tmp_path):
    save(tmp_path, "02_modules", code("class MixFFN: answer = 1"))
    first = student_code("02_modules")
    assert student_code("02_modules") is first
    save(tmp_path, "02_modules", code("class MixFFN: answer = 2"))
    assert student_code("02_modules").MixFFN.answer == 2
    assert first.MixFFN.answer == 1
    assert [module.MixFFN.answer for module in loaded_modules()] == [2]


def build_on(tmp_path, answer):
    save(tmp_path, "02_modules", code(f"def answer():\n    return {answer}"))


USES_02 = code("from segkit import student_code\nearlier = student_code('02_modules')\nanswer = earlier.answer()")
USES_03 = code("from segkit import student_code\nanswer = student_code('03_model').answer")


def test_a_notebook_that_builds_on_another_is_loaded_with_it(tmp_path):
    build_on(tmp_path, answer=1)
    save(tmp_path, "03_model", USES_02)
    save(tmp_path, "04_results", USES_03)
    assert student_code("04_results").answer == 1
    assert student_code("03_model").earlier is student_code("02_modules")


def test_saving_an_early_notebook_renews_those_that_build_on_it(tmp_path):
    build_on(tmp_path, answer=1)
    save(tmp_path, "03_model", USES_02)
    save(tmp_path, "04_results", USES_03)
    student_code("02_modules")  # loaded before: the later ones still depend on it
    assert student_code("04_results").answer == 1
    build_on(tmp_path, answer=2)
    assert student_code("04_results").answer == 2
    assert student_code("03_model").earlier is student_code("02_modules")


def test_saving_a_later_notebook_leaves_the_earlier_ones_classes_alone(tmp_path):
    build_on(tmp_path, answer=1)
    save(tmp_path, "03_model", USES_02)
    before = student_code("03_model").earlier
    save(tmp_path, "03_model", USES_02, code("x = 1"))
    assert student_code("03_model").earlier is before


def test_an_earlier_notebook_that_is_missing_is_said_once_and_in_full(tmp_path):
    save(tmp_path, "03_model", USES_02, code("x = 1"))
    module = student_code("03_model")
    assert module.x == 1
    with pytest.raises(AttributeError, match=r"cell 1 of 03_model, line 2: There is no 02_modules\.ipynb in"):
        _ = module.answer


@pytest.mark.parametrize("length", [1, 2, 3])
def test_notebooks_that_build_on_each_other_are_told_so(tmp_path, length):
    names = [f"0{number}" for number in range(length)]
    for name, other in zip(names, [*names[1:], names[0]], strict=True):
        source = f"from segkit import student_code\ncount = 1\nother = student_code('{other}')\nafter = 1"
        save(tmp_path, name, code(source))
    module = student_code(names[0])
    for _ in names[1:]:
        module = module.other
        assert module.after == 1
    with pytest.raises(AttributeError, match=r"00\.ipynb builds on itself: student_code\(\"00\"\) may stand in later"):
        _ = module.other
    save(tmp_path, names[-1], code("other = 'mended'"))
    module = student_code(names[0])
    for _ in names[1:]:
        module = module.other
    assert module.other == "mended"


def test_two_folders_with_notebooks_saved_at_the_same_moment_are_kept_apart(tmp_path, monkeypatch):
    for folder in ("mine", "theirs"):
        (tmp_path / folder).mkdir()
        save(tmp_path / folder, "02_modules", code(f"owner = {folder!r}"))
    for folder in ("mine", "theirs"):
        monkeypatch.chdir(tmp_path / folder)
        assert student_code("02_modules").owner == folder


def test_the_grader_provides_cells_and_no_file_is_read(tmp_path):
    save(tmp_path, "02_modules", code("answer = 'from the file'"))
    provide_sources({"02_modules": [Cell(1, "answer = 'as handed in'")], "03_model": [Cell(1, USES_02["source"])]})
    assert student_code("02_modules").answer == "as handed in"
    with pytest.raises(CourseError, match=r"^04_results\.ipynb was not handed in\.$"):
        student_code("04_results")
    provide_sources({})
    assert student_code("02_modules").answer == "from the file"


def test_loading_with_the_graders_cells_follows_cycles_only_once():
    cell = [Cell(1, "from segkit import student_code\nother = student_code('03')\nafter = 1")]
    provide_sources({"03": cell})
    loaded = load_cells("03", cell)
    assert loaded.module.after == 1
    with pytest.raises(AttributeError, match="builds on itself"):
        _ = loaded.module.other.other
