"""Which of the files handed in is which notebook; and what must never be followed, opened or copied."""

import json
import os
import socket
import time

import pytest
from test_triage_honest import (
    ASSIGNMENT,
    NAMES,
    RELEASED,
    as_format_4_4,
    completed,
    graded,
    hand_in,
    plain,
    sources,
    triage,
    valid,
)

from autograder.triage import finding, triage_submission

NAME = "02_modules"
FILE = f"{ASSIGNMENT}/{NAME}.ipynb"
MINE = plain(completed())
SECRET = "root:x:0:0"


def found(submission, name: str = NAME) -> list[str]:
    """What was said of a notebook that is the student's completed one."""
    triaged = submission.notebooks[name]
    assert triaged.unreadable is None
    assert sources(triaged.notebook) == sources(completed(name))
    return triaged.repairs


def bare(name: str) -> dict:
    """A completed notebook of which only the code tells which one it is."""
    saved = as_format_4_4(completed(name))
    for cell in saved["cells"]:
        cell["metadata"] = {}
    return saved


def test_nothing_handed_in(tmp_path):
    for folder in (tmp_path / "submitted" / "anna" / ASSIGNMENT, tmp_path / "nobody" / "at" / "all"):
        submission = valid(triage_submission(folder, RELEASED))
        assert submission.notes == ["No notebook was handed in."] and submission.refused_files == []
        assert [t.unreadable for t in submission.notebooks.values()] == [f"{n}.ipynb was not handed in." for n in NAMES]
    (tmp_path / "submitted" / "bo" / ASSIGNMENT).mkdir(parents=True)
    assert triage(tmp_path, {}, "bo").notes == ["No notebook was handed in."]


def test_some_handed_in(tmp_path):
    submission = triage(tmp_path, {FILE: MINE})
    assert found(submission) == [] and submission.notes == []
    assert [n for n, t in submission.notebooks.items() if t.unreadable] == [name for name in NAMES if name != NAME]


@pytest.mark.parametrize(
    "path",
    [
        "segformer/02_modules (1).ipynb",
        "segformer/02_modules-Copy1.ipynb",
        "segformer/Copy of 02_modules.ipynb",
        "segformer/02_MODULES.IPYNB",
        "segformer/02 modules_final_anna.ipynb",
        "segformer/2_modules.ipynb",
        "segformer/02_modules.ipynb.txt",
        "segformer/02_modules.ipynb.json",
        "segformer/anna\n\x1b[31m02_modules‮.ipynb",
        "segformer/anna..02_modules...ipynb",
        "segformer/whatever.ipynb",
        "segformer/notebooks/02_modules.ipynb",
        "segformer/segformer-course/notebooks/segformer/02.ipynb",
        "segformer/a/b/c/d/e/02_modules.ipynb",
        "02_modules.ipynb",
        "02_modules (3).ipynb",
        "Segformer/02_modules.ipynb",
        "SEGFORMER (1)/02_modules.ipynb",
        "segformer-course/notebooks/segformer/02_modules.ipynb",
    ],
)
def test_other_names_and_places(tmp_path, path):
    submission = triage(tmp_path, {path: MINE})
    [sentence] = found(submission)
    assert sentence.startswith("This notebook was handed in as ")
    assert submission.notes == [] and submission.refused_files == []


def test_a_name_in_no_encoding(tmp_path):
    folder = hand_in(tmp_path, {f"{ASSIGNMENT}/note.txt": "x"})
    with open(os.fsencode(folder) + b"/02_modules\xff\xfe.ipynb", "w", encoding="utf-8") as file:
        json.dump(MINE, file)
    [sentence] = found(valid(triage_submission(folder, RELEASED)))
    assert sentence == "This notebook was handed in as 02_modules\\udcff\\udcfe.ipynb."


@pytest.mark.parametrize("name", NAMES)
def test_content_is_recognised_by_code_and_texts_alone(tmp_path, name):
    submission = triage(tmp_path, {f"{ASSIGNMENT}/homework.ipynb": bare(name)})
    assert submission.notebooks[name].repairs[0] == "This notebook was handed in as homework.ipynb."
    assert sources(submission.notebooks[name].notebook) == sources(completed(name))


def test_a_name_decides_where_content_does_not(tmp_path):
    own = {"cells": [{"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": []}], "nbformat": 4}
    for file in ("02 Modules (2)", "modules", "02", "anna-2-modules"):
        submission = triage(tmp_path / file, {f"{ASSIGNMENT}/{file}.ipynb": own})
        assert submission.notebooks[NAME].notebook.cells[-1].source != ""
        assert submission.notebooks[NAME].unreadable is None
    submission = triage(tmp_path / "x", {f"{ASSIGNMENT}/01_data 02_modules.ipynb": own})
    assert submission.notes == ["Notebooks that are none of this assignment were left aside: 01_data 02_modules.ipynb."]


def test_swapped_names(tmp_path):
    files = {f"{ASSIGNMENT}/02_modules.ipynb": completed("03_model"), f"{ASSIGNMENT}/03_model.ipynb": MINE}
    submission = triage(tmp_path, files)
    assert found(submission) == ["This notebook was handed in as 03_model.ipynb, the name of another one."]
    assert found(submission, "03_model") == [
        "This notebook was handed in as 02_modules.ipynb, the name of another one."
    ]


def test_one_notebook_under_two_names(tmp_path):
    submission = triage(tmp_path, {FILE: completed("03_model"), f"{ASSIGNMENT}/03_model.ipynb": completed("03_model")})
    assert found(submission, "03_model") == []
    assert submission.notebooks[NAME].unreadable == (
        "02_modules.ipynb was not handed in: the file of that name holds 03_model."
    )
    assert submission.notes[0].startswith("For 03_model, 03_model.ipynb was taken and 02_modules.ipynb left aside")


def test_several_files_for_one_notebook(tmp_path):
    half = completed()
    graded(half, "MixFFN-stub").source = graded(RELEASED[NAME], "MixFFN-stub").source
    exact = triage(tmp_path / "a", {FILE: plain(half), f"{ASSIGNMENT}/02_modules (1).ipynb": MINE})
    assert sources(exact.notebooks[NAME].notebook) == sources(half)
    assert exact.notes == [
        "For 02_modules, 02_modules.ipynb was taken and 02_modules (1).ipynb left aside (4 edited cells against 5)."
    ]
    files = {f"{ASSIGNMENT}/{NAME} ({i}).ipynb": nb for i, nb in enumerate((RELEASED[NAME], half, completed(), half))}
    most = triage(tmp_path / "b", {path: plain(notebook) for path, notebook in files.items()})
    assert found(most) == ["This notebook was handed in as 02_modules (2).ipynb."]
    untouched = triage(tmp_path / "e", {FILE: plain(RELEASED[NAME]), f"{ASSIGNMENT}/02_modules-Copy1.ipynb": MINE})
    assert found(untouched) == ["This notebook was handed in as 02_modules-Copy1.ipynb."]
    broken = triage(tmp_path / "c", {FILE: "{", f"{ASSIGNMENT}/02_modules-Copy1.ipynb": MINE})
    assert found(broken) == ["This notebook was handed in as 02_modules-Copy1.ipynb."]
    deeper = triage(tmp_path / "d", {f"{ASSIGNMENT}/old/{NAME}.ipynb": plain(half), FILE: MINE, f"{NAME}.ipynb": half})
    assert found(deeper) == []


def test_what_is_not_this_assignments_is_left_aside(tmp_path):
    foreign = plain(completed()) | {"metadata": {"course": {"assignment": "intro"}}}
    for cell in foreign["cells"]:
        cell |= {"source": f"{cell['source']} of intro", "metadata": {}, "id": f"i{cell['id'][:50]}"}
    foreign["cells"] = [cell for cell in foreign["cells"] if "class " not in cell["source"]]
    submission = triage(
        tmp_path,
        {
            "intro/02_modules.ipynb": MINE,
            "other/deep/02_modules.ipynb": MINE,
            f"{ASSIGNMENT}/.ipynb_checkpoints/02_modules-checkpoint.ipynb": MINE,
            f"{ASSIGNMENT}/__MACOSX/02_modules.ipynb": MINE,
            f"{ASSIGNMENT}/._02_modules.ipynb": b"\0\5\x16\7",
            f"{ASSIGNMENT}/01_warmup.ipynb": foreign,
            f"{ASSIGNMENT}/01_data.ipynb": foreign,
            f"{ASSIGNMENT}/all.zip": b"PK",
            f"{ASSIGNMENT}/notes.txt": "x",
        },
    )
    assert all(triaged.unreadable for triaged in submission.notebooks.values())
    assert submission.notes == [
        "Archives were not opened (unpack them if notebooks are missing): all.zip.",
        "Notebooks that are none of this assignment were left aside: 01_data.ipynb, 01_warmup.ipynb.",
    ]
    assert submission.refused_files == []


def link(folder, name: str, target) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).symlink_to(target)


def test_no_link_is_followed(tmp_path):
    other = hand_in(tmp_path, {FILE: MINE}, "bo")
    folder = tmp_path / "submitted" / "anna" / ASSIGNMENT
    link(folder, "02_modules.ipynb", other / "02_modules.ipynb")
    link(folder, "01_data.ipynb", "/etc/passwd")
    link(folder, "03_model.ipynb", "03_model.ipynb")
    link(folder, "04_results.ipynb", "nowhere")
    link(folder, "deep", other)
    link(folder, "up", "..")
    link(folder.parent, "Segformer", other)
    link(folder.parent, "05_discussion.ipynb", other / "02_modules.ipynb")
    submission = valid(triage_submission(folder, RELEASED))
    assert submission.notebooks[NAME].unreadable == (
        "02_modules.ipynb is a symbolic link, which is not opened: hand in the notebook itself."
    )
    assert all(triaged.unreadable for triaged in submission.notebooks.values())
    expected = ["01_data.ipynb", "02_modules.ipynb", "03_model.ipynb", "04_results.ipynb", "deep", "up"]
    assert submission.refused_files == [folder / name for name in expected]
    assert submission.notes == [
        "No notebook was handed in.",
        f"Not followed or opened, because it is a symbolic link: {', '.join(expected)}.",
        "Not followed or opened, because it is a symbolic link: 05_discussion.ipynb.",
    ]


def test_linked_folders_are_not_entered(tmp_path):
    other = hand_in(tmp_path, {FILE: MINE}, "bo")
    (tmp_path / "submitted" / "anna").mkdir()
    link(tmp_path / "submitted" / "anna", ASSIGNMENT, other)
    folder = tmp_path / "submitted" / "anna" / ASSIGNMENT
    submission = valid(triage_submission(folder, RELEASED))
    assert submission.refused_files == [folder] and submission.notebooks[NAME].unreadable
    link(tmp_path / "submitted", "cy", tmp_path / "submitted" / "bo")
    folder = tmp_path / "submitted" / "cy" / ASSIGNMENT
    submission = valid(triage_submission(folder, RELEASED))
    assert submission.refused_files == [folder] and submission.notebooks[NAME].unreadable
    assert submission.notes[-1] == "The folder cy is a symbolic link, which is not followed."


def test_pipes_sockets_devices_and_folders(tmp_path):
    folder = hand_in(tmp_path, {f"{ASSIGNMENT}/01_data.ipynb/x.txt": "a folder", f"{ASSIGNMENT}/x/y.txt": "y"})
    os.mkfifo(folder / "02_modules.ipynb")
    os.mkfifo(folder / "x" / "pipe")
    listening = socket.socket(socket.AF_UNIX)
    here = os.open(folder, os.O_RDONLY)
    try:
        listening.bind(f"/proc/self/fd/{here}/03_model.ipynb" if os.path.exists("/proc/self/fd") else "x")
    finally:
        os.close(here)
        listening.close()
    refused = ["02_modules.ipynb", "03_model.ipynb"]
    if os.geteuid() == 0:
        try:
            os.mknod(folder / "04_results.ipynb", 0o020666, os.makedev(1, 5))  # /dev/zero: endless
            refused.append("04_results.ipynb")
        except PermissionError:
            pass  # not in every container
    submission = valid(triage_submission(folder, RELEASED))
    assert submission.refused_files == [folder / name for name in [*refused, "x/pipe"]]
    assert submission.notebooks["01_data"].unreadable == (
        "01_data.ipynb is a folder, not a notebook: hand in the notebook itself."
    )
    assert "02_modules.ipynb is a pipe, socket or device" in submission.notebooks[NAME].unreadable
    assert submission.notes[1] == "Folders called like notebooks: 01_data.ipynb."


def test_files_and_folders_without_permission(tmp_path, monkeypatch):
    folder = hand_in(tmp_path, {FILE: MINE, f"{ASSIGNMENT}/closed/01_data.ipynb": "{}"})
    opened = os.open

    def refuse(path, flags, *args, **kwargs):  # root may read everything, so the refusal is played
        if path in ("02_modules.ipynb", "closed"):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    submission = triage_submission(folder, RELEASED)
    monkeypatch.undo()
    valid(submission)
    assert submission.notebooks[NAME].unreadable == "02_modules.ipynb could not be opened (Permission denied)."
    assert submission.notes == ["Folders that could not be opened (Permission denied): closed."]
    assert submission.refused_files == [folder / "closed"]


def test_a_file_that_may_not_be_read_is_not_copied(tmp_path, monkeypatch):
    folder = hand_in(tmp_path, {FILE: MINE, f"{ASSIGNMENT}/notes.txt": "{}"})
    monkeypatch.setattr(os, "access", lambda path, *_, **__: path != "notes.txt")
    submission = triage_submission(folder, RELEASED)
    assert submission.refused_files == [folder / "notes.txt"]
    assert submission.notes == ["Files that may not be read: notes.txt."]
    assert submission.notebooks[NAME].unreadable is None


def test_a_file_that_becomes_a_link_while_it_is_looked_at(tmp_path, monkeypatch):
    folder = hand_in(tmp_path, {FILE: MINE, f"{ASSIGNMENT}/secret": SECRET})
    looked = os.stat

    def swap(path, *args, **kwargs):
        status = looked(path, *args, **kwargs)
        if path == "02_modules.ipynb" and not (folder / path).is_symlink():
            (folder / path).unlink()
            (folder / path).symlink_to("secret")
        return status

    monkeypatch.setattr(os, "stat", swap)
    submission = triage_submission(folder, RELEASED)
    monkeypatch.undo()
    assert submission.notebooks[NAME].unreadable.startswith("02_modules.ipynb could not be opened")
    assert SECRET not in str(valid(submission))


def test_the_walk_is_bounded(tmp_path):
    folder = hand_in(tmp_path, {FILE: MINE, f"{ASSIGNMENT}/{'d/' * 30}01_data.ipynb": "{}"})
    many = folder / "many"
    many.mkdir()
    for number in range(finding.MAX_ENTRIES + 10):
        (many / f"{number}.txt").touch()
    started = time.thread_time()
    submission = valid(triage_submission(folder, RELEASED))
    assert time.thread_time() - started < 2
    assert found(submission) == []
    assert submission.refused_files == [folder / "d/d/d/d/d/d/d", many]
    assert submission.notes == [
        "Folders nested too deeply were not searched: d/d/d/d/d/d/d.",
        "More than 2,000 files: folders not searched to their end: many.",
    ]


def test_the_right_names_are_found_among_too_many(tmp_path):
    folder = hand_in(tmp_path, {FILE: MINE})
    for number in range(finding.MAX_ENTRIES + 10):
        (folder / f"{number}.txt").touch()
    submission = valid(triage_submission(folder, RELEASED))
    assert found(submission) == [] and submission.refused_files == [folder]


def test_very_many_notebooks(tmp_path):
    small = {"cells": [{"cell_type": "code", "source": "x"}], "nbformat": 4}
    files = {f"{ASSIGNMENT}/{number}.ipynb": small for number in range(100, 400)}
    submission = triage(tmp_path, files | {FILE: MINE})
    assert found(submission) == []
    assert submission.notes[0].startswith("Too many notebooks, not looked at: ")
    assert submission.notes[0].endswith(" and 245 more.")
