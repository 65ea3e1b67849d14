"""Broken and hostile files around right code: what editors, students and attackers do to a notebook.

What can be repaired costs nothing and is said; what cannot be read costs its author alone.
"""

import copy
import json
import os
from collections.abc import Callable

import nbformat
from attack import (
    FULL,
    NO_NORMALIZE,
    NOTEBOOK,
    NOTHING,
    PATCHES,
    WRONG_NORMALIZE,
    Attack,
    Hand,
    Points,
    honest_notebook,
    released_notebook,
)
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

SCRIPT = "<script>alert('@MARK@')</script>"


def _broken(
    tries: str, *says: str, points: Points = FULL, outcome: str = "repaired, and said so: the points of its code"
) -> Callable[[Callable[[Hand], None]], Attack]:
    """Make an attack of the function that writes its files; it is called like that function."""

    def decorate(write: Callable[[Hand], None]) -> Attack:
        return Attack(write.__name__, tries, write, outcome, earned=points, says=says)

    return decorate


def _unreadable(tries: str, *says: str, outcome: str = "cannot be used: said, 0 points"):
    return _broken(tries, *says, points=NOTHING, outcome=outcome)


NORMAL = "normal, nothing to repair: the points of its code"


@_broken("a check and a stub pasted again, with their ids", "more than once")
def duplicated_cells(hand: Hand) -> None:
    cells = hand.notebook.cells
    for name in ("normalize_channels-stub", "normalize_channels", "q1", "pixel_linear"):
        cells.insert(hand.position(name), copy.deepcopy(hand.cell(name)))
    hand.save()


@_broken("one id for all cells", outcome=NORMAL)
def same_id_everywhere(hand: Hand) -> None:
    for cell in hand.notebook.cells:
        cell.id = "same"
    hand.save()


@_broken("all of nbgrader's metadata and all tags taken away", "were missing and were put back")
def stripped_metadata(hand: Hand) -> None:
    for cell in hand.notebook.cells:
        cell.metadata = {}
    hand.save()


@_broken("1000 points for a check, other ids, unlocked cells, an old schema", "were changed and were put back")
def edited_metadata(hand: Hand) -> None:
    hand.cell("q1").metadata.nbgrader.update(points=1000, grade=False, locked=True)
    hand.cell("pixel_linear").metadata.nbgrader.update(points=-5, locked=False, solution=True)
    hand.cell("image_to_patches").metadata.nbgrader.update(points=float("1e300"), schema_version=1)
    hand.cell("normalize_channels").metadata.nbgrader.update(grade_id="image_to_patches", points="1000")
    hand.save()


@_broken("cells of its own, worth 1000 points", "does not know as graded")
def invented_points(hand: Hand) -> None:
    marks = dict(schema_version=3, grade_id="bonus", grade=True, solution=False, locked=False, task=False, points=1000)
    cell = new_code_cell("1000", id="bonus", metadata={"nbgrader": marks}, outputs=_forged("1000.0"))
    hand.notebook.cells += [cell, new_markdown_cell("done", metadata={"nbgrader": {**marks, "grade_id": "q2"}})]
    hand.save()


@_broken(
    "outputs of check cells that read as points: 1000, nan, -1, nothing",
    points=NO_NORMALIZE,
    outcome="replaced by the verdict: 0 points for wrong code",
)
def forged_outputs(hand: Hand) -> None:
    hand.cell("normalize_channels-stub").source = WRONG_NORMALIZE
    for name, text in (("normalize_channels", "1000.0"), ("image_to_patches", "nan"), ("pixel_linear", "-1")):
        hand.cell(name).outputs = _forged(text)
    hand.save()


def _forged(text: str) -> list:
    return [new_output("execute_result", data={"text/plain": text}, execution_count=1)]


@_broken("a locked check that prints points, another one deleted", "put back")
def edited_and_deleted_checks(hand: Hand) -> None:
    hand.cell("normalize_channels").source = "print(3.0)\n3.0"
    hand.notebook.cells.remove(hand.cell("image_to_patches"))
    hand.save()


@_broken("cells in reverse order", "another order", points=FULL)
def cells_moved(hand: Hand) -> None:
    first, *cells = hand.notebook.cells[2:]
    hand.notebook.cells = [*hand.notebook.cells[:2], first, *reversed(cells)]
    hand.save()


@_broken("a task split in two cells in the middle of a function", "had been split")
def split_cell(hand: Hand) -> None:
    at, cell = hand.position("image_to_patches-stub"), hand.cell("image_to_patches-stub")
    first, second = cell.source[: cell.source.index("    grid =")], cell.source[cell.source.index("    grid =") :]
    cell.source = first
    hand.notebook.cells.insert(at + 1, new_code_cell(second))
    hand.save()


@_broken("a task as text, an answer as code, a check as raw text", "another type")
def retyped_cells(hand: Hand) -> None:
    for name, kind in (("PixelLinear-stub", "markdown"), ("q1", "code"), ("pixel_linear", "raw")):
        cell = hand.cell(name)
        cell.cell_type = kind
        for key in ("outputs", "execution_count"):
            cell.pop(key, None)
        if kind == "code":
            cell.update(outputs=[], execution_count=None)
    hand.save()


@_broken("a task hidden by the tag `experiment`, an experiment without it", "tags of cells")
def edited_tags(hand: Hand) -> None:
    hand.cell("PixelLinear-stub").metadata["tags"] = ["experiment"]
    for cell in hand.notebook.cells:
        if cell.metadata.get("tags") == ["experiment"] and "grade_id" not in cell.metadata.get("nbgrader", {}):
            cell.metadata["tags"] = []
    hand.save()


@_broken("a copy under the name that a browser gives", "was handed in as")
def renamed_copy(hand: Hand) -> None:
    hand.save(name=f"{NOTEBOOK} (1).ipynb")


@_broken("the notebook two folders too deep, under another name", "was handed in as")
def deep_and_renamed(hand: Hand) -> None:
    hand.save(name="Homework/final/my notebook FINAL v2.ipynb")


@_broken(
    "the untouched release under the exact name, the work in a copy beside it",
    "left aside",
    outcome="the one that was worked in counts, and that is said",
)
def two_versions(hand: Hand) -> None:
    hand.save(released_notebook())
    hand.save(name=f"{NOTEBOOK}-Copy1.ipynb")


@_broken("as saved by Colab: other ids and metadata", outcome=NORMAL)
def saved_by_colab(hand: Hand) -> None:
    notebook = json.loads(nbformat.writes(hand.notebook))
    notebook["nbformat_minor"] = 0
    notebook["metadata"]["colab"] = {"provenance": [], "gpuType": "T4"}
    notebook["metadata"]["accelerator"] = "GPU"
    for number, cell in enumerate(notebook["cells"]):
        del cell["id"]
        cell["metadata"] |= {"id": f"aB3{number}", "colab": {"base_uri": "https://localhost:8080/"}}
    hand.save(notebook)


@_broken("as saved by VS Code: its metadata, no tags", outcome=NORMAL)
def saved_by_vs_code(hand: Hand) -> None:
    notebook = json.loads(nbformat.writes(hand.notebook))
    notebook["metadata"]["vscode"] = {"interpreter": {"hash": "31f2aee4e71d21fbe5cf8b01ff0e069b"}}
    for cell in notebook["cells"]:
        cell["metadata"] |= {"vscode": {"languageId": "python"}}
    hand.save(notebook)


@_broken("notebook format 3", "old format")
def old_format(hand: Hand) -> None:
    hand.save(nbformat.writes(nbformat.convert(hand.notebook, 3), version=3))


@_broken("a byte order mark, null bytes and text after its end", "null characters")
def null_bytes(hand: Hand) -> None:
    text = nbformat.writes(hand.notebook).replace('"cells"', '\x00"cells"')
    hand.save(b"\xef\xbb\xbf" + text.encode() + b"\x00 and more")


@_broken("UTF-16 instead of UTF-8", outcome=NORMAL)
def utf_16(hand: Hand) -> None:
    hand.save(nbformat.writes(hand.notebook).encode("utf-16"))


@_broken(
    "a file that breaks off in the middle",
    "breaks off",
    points=(PATCHES, 0.0, 0.0),
    outcome="what came before the break counts",
)
def truncated_file(hand: Hand) -> None:
    text = nbformat.writes(hand.notebook)
    hand.save(text[: text.index("def normalize_channels")])


@_broken("a kernel of bash, and of the attacker's own command", "language other than Python")
def bash_kernel(hand: Hand) -> None:
    hand.notebook.metadata["kernelspec"] = {"name": "bash", "display_name": "Bash", "language": "bash"}
    hand.notebook.metadata["language_info"] = {"name": "bash", "mimetype": "text/x-sh"}
    hand.save()


@_unreadable("100,000 nested brackets", "nested far more deeply")
def nested_deeply(hand: Hand) -> None:
    hand.save('{"cells": ' + "[" * 100_000 + "]" * 100_000 + "}")


@_unreadable("a PDF document under the notebook's name", "a PDF document")
def a_pdf(hand: Hand) -> None:
    hand.save(b"%PDF-1.7 " + bytes(range(256)) * 10)


@_unreadable("marks of a merge conflict in its JSON", "merge conflict")
def merge_conflict(hand: Hand) -> None:
    text = nbformat.writes(hand.notebook)
    hand.save(text.replace(' "cells"', "<<<<<<< HEAD\n=======\n>>>>>>> mine\n" + ' "cells"', 1))


@_unreadable("a notebook of its own, without one cell of ours", "was not handed in")
def foreign_notebook(hand: Hand) -> None:
    cells = [new_code_cell("normalise = 1"), new_markdown_cell("shopping list")]
    hand.save(nbformat.v4.new_notebook(cells=cells), "shopping.ipynb")


@_unreadable("an empty folder", "was not handed in")
def no_notebook(hand: Hand) -> None:
    assert hand.folder.is_dir()


@_unreadable("a symbolic link to a classmate's notebook", "symbolic link")
def link_to_a_classmate(hand: Hand) -> None:
    classmate = f"../../honest_ada_all_right/intro/{NOTEBOOK}.ipynb"
    (hand.folder / f"{NOTEBOOK}.ipynb").symlink_to(classmate)


@_unreadable("its folder as a symbolic link to a classmate's", "symbolic link")
def linked_folder(hand: Hand) -> None:
    hand.folder.rmdir()
    hand.folder.symlink_to("../honest_ada_all_right/intro")


@_broken("links to the secret, the gradebook and /, and a loop, beside its notebook", "symbolic link", outcome=NORMAL)
def links_beside(hand: Hand) -> None:
    targets = {
        "secret.txt": "@COURSE@/.course_secret",
        "book.csv": "@COURSE@/gradebook.db",
        "disk": "/",
        "loop": "loop",
    }
    targets |= {"pictures": "@HOME@", "data.txt": "../../../.course_secret"}
    for name, target in targets.items():
        (hand.folder / name).symlink_to(hand.place.fill(target))
    hand.save()


@_unreadable("a pipe that nobody writes into, as its notebook and its time stamp", "pipe, socket or device")
def pipe_as_notebook(hand: Hand) -> None:
    os.mkfifo(hand.folder / f"{NOTEBOOK}.ipynb")
    os.mkfifo(hand.folder / "timestamp.txt")


@_broken(
    "names with line ends, glob characters, dots, quotes and broken Unicode",
    outcome="its other files do no harm: the points of its code",
)
def path_tricks(hand: Hand) -> None:
    for name in ("a\nb.ipynb", "*.ipynb", "[0-9]*", "..ipynb", "-rf", "$(touch x).txt", "x'; DROP TABLE grade;--"):
        hand.save("{}", name)
    (hand.folder / os.fsdecode(b"\xff\xfe.txt")).write_text("x")
    (hand.folder / "..." / ". .").mkdir(parents=True)
    hand.save()


@_broken("a time stamp that is no time", "no date and time", outcome=NORMAL)
def odd_timestamp(hand: Hand) -> None:
    hand.save("tomorrow\x00" * 1000, "timestamp.txt")
    hand.save()


@_broken("outputs of 60 MB", "Very long outputs were cut")
def huge_outputs(hand: Hand) -> None:
    experiment = next(cell for cell in hand.notebook.cells if cell.metadata.get("tags") == ["experiment"])
    experiment.outputs = [new_output("stream", text="y" * 20_000_000) for _ in range(3)]
    hand.save()


@_unreadable("a notebook of 300 MB", "is larger than")
def huge_file(hand: Hand) -> None:
    with open(hand.folder / f"{NOTEBOOK}.ipynb", "wb") as file:
        file.truncate(300 * 2**20)


@_broken("2,500 files beside its notebook", "files", outcome="what is not looked at is said: the points of its code")
def thousands_of_files(hand: Hand) -> None:
    for number in range(2_500):
        hand.save("", f"{number:04}.txt")
    hand.save()


@_broken("scripts in outputs, texts, links, drawings and its answer", "Scripts and other active content")
def scripts_in_outputs(hand: Hand) -> None:
    script = hand.place.fill(SCRIPT)
    data = {
        "text/html": f'{script}<img src=x onerror="{script}"><a href="javascript:alert(\'x\')">here</a><b>bold</b>',
        "application/javascript": hand.place.fill("alert('@MARK@')"),
        "image/svg+xml": f'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">{script}</svg>',
        "text/markdown": f"[here](javascript:alert('x')) {script}",
        "text/latex": f"$x$ {script}",
        "text/plain": script,
    }
    for cell in hand.notebook.cells:
        if cell.metadata.get("tags") == ["experiment"]:
            cell.outputs = [new_output("display_data", data=data), new_output("stream", text=script)]
            cell.outputs.append(new_output("error", ename=script, evalue=script, traceback=[script]))
    hand.notebook.cells.append(new_markdown_cell(f"{script}\n\n<iframe src='javascript:alert(1)'></iframe>", id="own"))
    hand.cell("q1").source = f"An answer {script} <img src=x onerror=\"alert('{hand.place.token}')\">"
    hand.save()


@_broken("a template, a font and a style of its own in the notebook's metadata", outcome=NORMAL)
def odd_notebook_metadata(hand: Hand) -> None:
    hand.notebook.metadata |= {
        "title": hand.place.fill(SCRIPT),
        "widgets": {
            "application/vnd.jupyter.widget-state+json": {"state": {"x": {"model_module": "http://127.0.0.1"}}}
        },
        "celltoolbar": "Create Assignment",
        "kernelspec": {"name": "python3", "display_name": hand.place.fill(SCRIPT), "language": "python"},
    }
    hand.save()


@_broken("files called like others' work, verdicts and the gradebook, in its folder", outcome=NORMAL)
def other_students_names(hand: Hand) -> None:
    hand.save(honest_notebook(), "submitted/honest_cy_untouched/intro/01_warmup.ipynb")
    hand.save("{}", "gradebook.db")
    hand.save("{}", "verdicts/intro/honest_cy_untouched/01_warmup.json")
    hand.save()


odd_id = Attack(
    "-odd 'id'; (--force) %s ☃",
    "a student's id like an option, a statement and a format",
    lambda hand: hand.save(),
    "an id like any other: the points of its code",
)

BROKEN_FILES = tuple(value for value in [*globals().values()] if isinstance(value, Attack))
