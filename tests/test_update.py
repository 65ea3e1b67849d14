"""A correction in the middle of the course: it reaches the student, nothing that was written is lost."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest
from online_session import (
    INSTALLED,
    cell_with,
    completed,
    edited,
    fake_packages,
    released,
    run_start_cell,
    serving,
    with_drive_ticked,
    zipped,
)

from autograder.triage.reading import read_notebook
from autograder.triage.repairing import repair
from segkit import update as update_module
from segkit.errors import CourseError
from segkit.releases import renewing
from segkit.releases.bundle import Release, describe
from segkit.releases.merging import merge
from segkit.releases.notebooks import cell_digests, parse_notebook, written
from segkit.releases.renewing import finish, renew
from segkit.student import code_cells, load_cells
from segkit.update import update

WARMUP, MODULES = "intro/01_warmup.ipynb", "segformer/02_modules.ipynb"
STUB = "def image_to_patches("


@pytest.fixture(scope="module")
def server():
    with serving() as server:
        server.manners.contents = (zipped(released(server.url)),)
        yield server


@pytest.fixture(scope="module")
def first(server) -> Release:
    """The release that students have."""
    return release_of(released(server.url))


def correct(cells: list[dict]) -> None:
    """What the course changes in the warm-up: a given cell, an experiment, a stub; one text goes, another comes."""
    cell_with(cells, "_ = torch.manual_seed(0)")["source"] += "\nCORRECTED = True"
    cell_with(cells, "_ = torch.manual_seed(0)")["id"] = "given-new"
    cell_with(cells, "draw_patches(4, 4, 0)")["source"] = (
        "from segkit.figures import draw_patches\n\ndraw_patches(6, 4, 0)"
    )
    cell_with(cells, "draw_patches(6, 4, 0)")["id"] = "draw-new"
    stub = cell_with(cells, STUB)
    stub["source"] = stub["source"].replace('"""', '"""Corrected. ', 1)
    cells.remove(cell_with(cells, "## Five kinds of cells"))
    cells.insert(1, {"cell_type": "markdown", "id": "news", "metadata": {}, "source": "What is new."})


@pytest.fixture(scope="module")
def second(first) -> Release:
    """The correction: the warm-up, a module of segkit, one file more and one less."""
    files = {path: content for path, content in first.files.items() if path != "segkit/machine.py"}
    files[WARMUP] = edited(files[WARMUP], correct)
    files["segkit/errors.py"] += b"\n# corrected\n"
    files["segkit/new_part.py"] = b"HERE = True\n"
    return stamped(release_of(files), "second")


def release_of(files) -> Release:
    return Release(describe(files), dict(files))


def as_released(release: Release) -> nbformat.NotebookNode:
    """The warm-up of a release, as grading reads it."""
    return nbformat.reads(release.files[WARMUP].decode(), as_version=4)


@pytest.fixture
def home(tmp_path, first):
    """The student's folder with the first release."""
    renew(tmp_path / "home", first)
    return tmp_path / "home"


def work(home: Path, path: str, change) -> bytes:
    """The student's work in a notebook; the file before the correction."""
    (home / path).write_bytes(edited((home / path).read_bytes(), change))
    return (home / path).read_bytes()


def sources(home: Path, path: str = WARMUP) -> list[str]:
    notebook = nbformat.read(home / path, as_version=4)
    nbformat.validate(notebook)
    return [cell.source for cell in notebook.cells]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def as_published(files: dict[str, bytes]) -> dict[str, bytes]:
    """A folder's files without what tells of releases, and without the lock."""
    own = ("release.json", renewing.LOCK)
    return {path: data for path, data in files.items() if path not in own and not path.startswith(".releases/")}


def own(text: str, cell_type: str = "code") -> dict:
    more = {"outputs": [], "execution_count": None} if cell_type == "code" else {}
    return {"cell_type": cell_type, "id": f"own-{abs(hash(text))}", "metadata": {}, "source": text, **more}


# --- what becomes of which cell -------------------------------------------------------------------------------------


def test_untouched_notebooks_and_segkit_are_replaced(home, second):
    done = renew(home, second)
    assert as_published(contents(home)) == second.files
    assert done.words == [f"{WARMUP} was corrected."]
    assert not renew(home, second).changed


def test_what_was_written_stays_and_what_the_course_changed_comes(home, second):
    def write(cells):
        solution = cell_with(cells, STUB)
        solution["source"] = f"{STUB}images, size):\n    return images  # mine"
        solution["outputs"] = []
        answer = next(cell for cell in cells if cell["source"] == "*Your answer here.*")
        answer["source"] = "My answer."
        check = cell_with(cells, 'check("normalize_channels")')
        check["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "passed"}]
        check["execution_count"] = 7
        place = cells.index(solution)
        cells.insert(place + 1, own("helper = 1"))
        cells.insert(0, own("A note on top.", "markdown"))

    before = work(home, WARMUP, write)
    done = renew(home, second)
    after = sources(home)
    assert f"{STUB}images, size):\n    return images  # mine" in after and "My answer." in after
    assert after[0] == "A note on top." and "What is new." in after and "## Five kinds" not in "".join(after)
    assert any("CORRECTED = True" in text for text in after) and any("draw_patches(6, 4, 0)" in text for text in after)
    place = next(number for number, text in enumerate(after) if "# mine" in text)
    assert "**The course has changed this task" in after[place + 1] and "Corrected. " in after[place + 1]
    assert after[place + 2] == "helper = 1"
    check = next(
        c
        for c in parse_notebook((home / WARMUP).read_bytes())["cells"]
        if 'normalize_channels")' in "".join(c["source"])
    )
    assert check["execution_count"] == 7 and check["outputs"][0]["text"] == "passed"
    assert (home / f"kept/before-{second.about.version}" / WARMUP).read_bytes() == before
    (words,) = done.words
    assert "with your work in it; as it was, it is kept/before-" in words and "task 1.1 was changed" in words
    again = contents(home)
    assert not renew(home, second).changed and contents(home) == again


def test_a_cell_that_both_changed_stands_twice_and_the_course_comes_last(home, second):
    def write(cells):
        cell_with(cells, "_ = torch.manual_seed(0)")["source"] += "\nimport math\nCORRECTED = 'by me'"
        cell_with(cells, 'check("image_to_patches")')["source"] += "\nprint('my print')"
        cell_with(cells, "## Task 1.2")["source"] += "\n\nMy remark."

    work(home, WARMUP, write)
    done = renew(home, second)
    after = sources(home)
    mine = next(number for number, text in enumerate(after) if "by me" in text)
    theirs = next(number for number, text in enumerate(after) if text.endswith("CORRECTED = True"))
    assert mine < theirs and theirs - mine <= 2
    notebook = parse_notebook((home / WARMUP).read_bytes())
    loaded = load_cells("01_warmup", [cell for cell in code_cells(notebook) if "CORRECTED" in cell.source])
    assert loaded.module.CORRECTED is True and loaded.module.math
    check = after.index('check("image_to_patches")')  # the course's
    assert "my print" in after[check - 1]
    assert "nbgrader" not in notebook["cells"][check - 1]["metadata"]
    assert any(text.endswith("My remark.") for text in after)  # the course left that cell as it was
    assert "you and the course both changed" in done.words[0]


def test_a_corrected_notebook_is_graded_like_any_other(home, first, second):
    name = "01_warmup"
    (home / WARMUP).write_bytes(completed("intro/01_warmup", with_drive_ticked((home / WARMUP).read_bytes())))
    assert repair(read_notebook((home / WARMUP).read_bytes(), WARMUP), as_released(first))[1] == []
    renew(home, second)
    notebook = parse_notebook((home / WARMUP).read_bytes())
    wanted = [cell for cell in parse_notebook(second.files[WARMUP])["cells"] if cell["metadata"].get("nbgrader")]
    found = [cell["metadata"]["nbgrader"] for cell in notebook["cells"] if cell["metadata"].get("nbgrader")]
    assert found == [cell["metadata"]["nbgrader"] for cell in wanted]
    loaded = load_cells(name, code_cells(notebook))
    assert loaded.problems == [] and loaded.module.image_to_patches.__doc__
    triaged, repairs = repair(read_notebook((home / WARMUP).read_bytes(), WARMUP), as_released(second))
    assert repairs == [] and sources(home) == [cell.source for cell in triaged.cells]


def test_marks_and_ids_may_be_lost(first, second, home):
    """As Colab and other editors write notebooks."""

    def lose(cells):
        cell_with(cells, STUB)["source"] = f"{STUB}images, size):\n    return images  # mine"
        next(cell for cell in cells if cell["source"] == "*Your answer here.*")["source"] = "My answer."
        start = cell_with(cells, "urllib.request.urlopen")
        start["source"] = start["source"].replace("DRIVE = False", "DRIVE = True")
        for number, cell in enumerate(cells):
            cell["metadata"] = {"id": f"colab{number}"}
            del cell["id"]

    open_answers = sources(home).count("*Your answer here.*")
    work(home, WARMUP, lose)
    renew(home, second)
    after = sources(home)
    assert len(after) == len(parse_notebook(second.files[WARMUP])["cells"]) + 1  # the note on the task
    assert after.count("My answer.") == 1 and after.count("*Your answer here.*") == open_answers - 1
    assert sum("# mine" in text for text in after) == 1
    assert ["DRIVE = True" in text for text in after if "urlopen" in text] == [True]


def test_of_several_definitions_the_last_one_is_the_answer(first, second):
    notebook = parse_notebook(first.files[WARMUP])
    place = next(number for number, cell in enumerate(notebook["cells"]) if STUB in "".join(cell["source"]))
    stub = notebook["cells"][place]
    drafts = [{**own(f"{STUB}images, size):\n    return {number}"), "id": f"draft{number}"} for number in (1, 2)]
    notebook["cells"][place : place + 1] = drafts
    assert stub not in notebook["cells"]
    merged = merge(notebook, first.about.cells[WARMUP], parse_notebook(second.files[WARMUP]))
    texts = ["".join(cell["source"]) for cell in merged.notebook["cells"]]
    answer = next(
        cell
        for cell in merged.notebook["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "image_to_patches-stub"
    )
    assert "return 2" in "".join(answer["source"]) and any("return 1" in text for text in texts)
    assert not any("NotImplementedError" in text and text.startswith(STUB) for text in texts)


def test_a_second_correction_replaces_the_note_on_the_first(home, first, second):
    work(home, WARMUP, lambda cells: cell_with(cells, STUB).update(source=f"{STUB}images, size):\n    return images"))
    renew(home, second)

    def again(cells):
        stub = next(cell for cell in cells if cell["source"].startswith(STUB))
        stub["source"] = stub["source"].replace("Corrected. ", "Corrected twice. ")

    renew(home, release_of({**second.files, WARMUP: edited(second.files[WARMUP], again)}))
    notes = [text for text in sources(home) if "**The course has changed this task" in text]
    assert len(notes) == 1 and "Corrected twice." in notes[0]


def test_without_a_description_of_the_old_release_nothing_is_lost(home, first, second):
    """A folder from before releases described themselves, or a copy of the repository."""
    work(home, WARMUP, lambda cells: cell_with(cells, STUB).update(source=f"{STUB}images, size):\n    return images"))
    (home / "release.json").unlink()
    renew(home, second)
    after = sources(home)
    assert any("return images" in text for text in after) and any(t.endswith("CORRECTED = True") for t in after)


def test_a_file_that_is_no_notebook_gets_the_new_one_beside(home, second):
    (home / WARMUP).write_text("{ half a notebook")
    done = renew(home, second)
    assert (home / WARMUP).read_text() == "{ half a notebook"
    assert (home / "intro" / "01_warmup.new.ipynb").read_bytes() == second.files[WARMUP]
    assert "cannot be read as a notebook" in done.words[0]


def test_a_file_of_the_course_that_was_changed_is_kept(home, second):
    (home / "course.toml").write_text("# mine\n")
    (home / "segkit" / "machine.py").write_text("# mine\n")  # the correction drops it
    renew(home, second)
    assert (home / f"kept/before-{second.about.version}/course.toml").read_text() == "# mine\n"
    assert (home / "segkit" / "machine.py").read_text() == "# mine\n"


def test_other_files_of_the_student_are_left_alone(home, second):
    for path in ("intro/my_notes.ipynb", "segformer/data/x", "segformer/checkpoints/first/last.ckpt"):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text("mine")
    renew(home, second)
    for path in ("intro/my_notes.ipynb", "segformer/data/x", "segformer/checkpoints/first/last.ckpt"):
        assert (home / path).read_text() == "mine"


def test_ids_of_a_release_are_unique_and_tell_texts_apart(first):
    for path, cells in first.about.cells.items():
        notebook = parse_notebook(first.files[path])
        assert len(cells) == len(notebook["cells"]) and cell_digests(notebook) == cells


def stamped(release: Release, stamp: str) -> Release:
    """The release whose warm-up was built anew, as each that differs is."""
    notebook = parse_notebook(release.files[WARMUP])
    notebook["metadata"]["course"]["built"] = stamp
    return release_of({**release.files, WARMUP: written(notebook)})


def test_a_page_that_was_saved_over_a_correction_is_corrected_again(home, second):
    """As Jupyter does on "Overwrite", and Colab with a page that was open before."""
    page = work(home, WARMUP, lambda cells: cells.append(own("mine = 1")))
    renew(home, second)
    corrected = sources(home)
    (home / WARMUP).write_bytes(page)
    done = renew(home, second)
    assert "was corrected, with your work in it" in done.words[0] and sources(home) == corrected
    assert not renew(home, second).changed


def test_a_page_that_was_saved_over_two_corrections_is_compared_with_its_own_release(home, second):
    page = work(home, WARMUP, lambda cells: cells.append(own("mine = 1")))
    renew(home, second)
    (home / WARMUP).write_bytes(page)
    third = edited(second.files[WARMUP], lambda cells: cell_with(cells, "CORRECTED").update(source="CORRECTED = 3"))
    renew(home, stamped(release_of({**second.files, WARMUP: third}), "third"))
    after = sources(home)
    assert sum("_ = torch.manual_seed(0)" in text for text in after) == 0 and after.count("CORRECTED = 3") == 1
    assert "What is new." in after and after[-1] == "mine = 1"


def test_a_correction_that_only_moves_a_cell_reaches_the_student(home, first):
    moved = edited(first.files[WARMUP], lambda cells: cells.insert(1, cells.pop(3)))
    renew(home, stamped(release_of({**first.files, WARMUP: moved}), "moved"))
    assert sources(home)[1] == sources_of(moved)[1]


def sources_of(content: bytes) -> list[str]:
    return ["".join(cell["source"]) for cell in parse_notebook(content)["cells"]]


def test_a_notebook_that_is_a_link_stays_one(home, second, tmp_path):
    elsewhere = tmp_path / "synchronised.ipynb"
    (home / WARMUP).rename(elsewhere)
    (home / WARMUP).symlink_to(elsewhere)
    renew(home, second)
    assert (home / WARMUP).is_symlink() and elsewhere.read_bytes() == second.files[WARMUP]


# --- interruptions --------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone: nobody handles this."""


@pytest.mark.parametrize("in_place", [False, True])
def test_killed_at_any_step_it_is_the_old_release_or_is_gone_on_with(tmp_path, first, second, monkeypatch, in_place):
    small = {path for path in (*first.files, *second.files) if not path.startswith("segkit/")} | {
        "segkit/__init__.py", "segkit/errors.py", "segkit/machine.py", "segkit/new_part.py",
    }  # fmt: skip
    old, new = (release_of({p: c for p, c in r.files.items() if p in small}) for r in (first, second))

    def prepare(name: str) -> Path:
        home = tmp_path / name
        renew(home, old, drive=in_place)
        work(home, WARMUP, lambda cells: cell_with(cells, STUB).update(source=f"{STUB}images):\n    return 'mine'"))
        return home

    wanted = prepare("wanted")
    untouched = contents(wanted)
    renew(wanted, new, drive=in_place)
    for step in range(200):
        home = prepare(f"step{step}")
        with monkeypatch.context() as patch:
            kill_after(step, patch)
            killed = True
            with suppress(Killed):
                renew(home, new, drive=in_place)
                killed = False
        if not (home / ".renewal").exists():
            left = {path: content for path, content in contents(home).items() if not path.startswith(".renewal-")}
            assert left in (untouched, contents(wanted)), step
        renew(home, new, drive=in_place)
        assert contents(home) == contents(wanted), step
        if not killed:
            break
        shutil.rmtree(home)
    assert 10 <= step < 199


def kill_after(step: int, patch: pytest.MonkeyPatch) -> None:
    """From now on writing, moving and removing ends the process after so many steps."""
    count = [0]

    def deadly(function):
        def called(*arguments, **keywords):
            if count[0] >= step:
                raise Killed
            count[0] += 1
            return function(*arguments, **keywords)

        return called

    patch.setattr(os, "replace", deadly(os.replace))
    patch.setattr(shutil, "copyfile", deadly(shutil.copyfile))
    patch.setattr(Path, "unlink", deadly(Path.unlink))
    patch.setattr(Path, "rename", deadly(Path.rename))
    patch.setattr(Path, "write_bytes", deadly(Path.write_bytes))
    # who is killed does not tidy up
    patch.setattr(
        shutil, "rmtree", lambda *arguments, **keywords: None if count[0] >= step else REMOVE(*arguments, **keywords)
    )


REMOVE = shutil.rmtree


def test_importing_segkit_goes_on_with_what_was_interrupted(home, second, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(renewing, "finish", lambda home: None)
        renew(home, second)
    assert (home / ".renewal" / "plan.json").is_file() and not (home / "segkit" / "new_part.py").exists()
    call = [sys.executable, "-S", "-c", "import segkit.new_part; print(segkit.__file__)"]
    done = subprocess.run(call, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(home / "segkit" / "__pycache__", ignore_errors=True)
    assert {path: data for path, data in as_published(contents(home)).items() if ".pyc" not in path} == second.files


def test_two_kernels_that_go_on_with_it_at_once_are_not_in_each_others_way(home, second, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(renewing, "finish", lambda home: None)
        renew(home, second)
    move, others = renewing._move, []

    def late(new, target, in_place):
        if not others:
            others.append(new)
            finish(home)
        move(new, target, in_place)

    monkeypatch.setattr(renewing, "_move", late)
    finish(home)
    assert as_published(contents(home)) == second.files and not (home / ".renewal").exists()


def test_what_was_interrupted_and_cannot_be_gone_on_with_is_a_sentence(home, second, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(renewing, "finish", lambda home: None)
        renew(home, second)

    def locked(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", locked)
    with pytest.raises(CourseError, match=r"cannot be written to .*Permission denied"):
        finish(home)


def test_what_was_saved_during_an_interruption_is_kept(home, second, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(renewing, "finish", lambda home: None)
        renew(home, second)
    saved = work(home, WARMUP, lambda cells: cells.append(own("written meanwhile")))
    finish(home)
    (kept,) = (home / "kept").rglob("later-01_warmup.ipynb")
    assert kept.read_bytes() == saved and "was saved while it was being corrected" in capsys.readouterr().out


def test_a_disk_that_cannot_be_written_is_a_sentence_and_nothing_has_changed(home, second, monkeypatch):
    before = contents(home)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CourseError, match=r"cannot be written to .*No space left on device.*make room"):
        renew(home, second)
    assert contents(home) == before


# --- two at once ----------------------------------------------------------------------------------------------------


def test_a_second_update_is_refused_until_the_first_has_ended_or_was_killed(home, second, tmp_path):
    (tmp_path / "bundle.zip").write_bytes(zipped(second.files))
    before = contents(home)
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom segkit.releases.renewing import _alone\n"
        "with _alone(Path(sys.argv[1])):\n    print('in', flush=True)\n    sys.stdin.read()\n    os._exit(9)"
    )
    call, variables = [sys.executable, "-c", code, str(home)], os.environ | {"PYTHONPATH": str(home)}
    with subprocess.Popen(call, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "in\n"
        with pytest.raises(CourseError, match=r"^Another update of .* is running: wait until it has ended"):
            update(tmp_path / "bundle.zip", home)
        assert as_published(contents(home)) == as_published(before)
    assert other.returncode == 9, "it ends without unlocking"
    update(tmp_path / "bundle.zip", home)
    assert as_published(contents(home)) == second.files


def test_before_anything_is_installed_there_is_no_lock(tmp_path, first, second, monkeypatch):
    monkeypatch.setitem(sys.modules, "filelock", None)
    for release in (first, second):
        renew(tmp_path, release)
        assert as_published(contents(tmp_path)) == release.files and not (tmp_path / renewing.LOCK).exists()


# --- how it reaches the student -------------------------------------------------------------------------------------


def test_update_fetches_from_the_course(home, server, second, capsys, monkeypatch):
    monkeypatch.setattr(update_module, "COURSE", home)
    update()
    assert capsys.readouterr().out.splitlines()[-1] == "The course is up to date."
    before = server.manners.contents
    server.manners.contents = (zipped(second.files),)
    try:
        update()
    finally:
        server.manners.contents = before
    said = capsys.readouterr().out
    assert "The course was corrected: A typing error in the shapes." in said
    assert f"{WARMUP} was corrected." in said and "restart the kernels" in said and "load it again" in said


def test_update_from_a_file_on_the_command_line(home, second, tmp_path, capsys):
    (tmp_path / "bundle.zip").write_bytes(zipped(second.files))
    call = [sys.executable, "-m", "segkit.update", str(tmp_path / "bundle.zip")]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(call, cwd=home, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("The course was corrected: "), done.stderr
    assert (home / "segkit" / "new_part.py").is_file()
    (tmp_path / "bundle.zip").write_bytes(b"no zip")
    done = subprocess.run(call, cwd=home, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.strip().endswith("is not the course's zip file: download it again.")


def test_a_setting_that_only_the_new_segkit_knows_is_no_error(home, second, tmp_path, capsys):
    settings = second.files["course.toml"] + b'[new]\nsetting = "x"\n'
    (tmp_path / "bundle.zip").write_bytes(zipped({**second.files, "course.toml": settings}))
    update(tmp_path / "bundle.zip", home)
    assert "The course was corrected" in capsys.readouterr().out


def test_update_without_an_address_says_what_to_do(home):
    (home / "course.toml").write_text("")
    with pytest.raises(CourseError, match=r'for example update\("segformer-course.zip"\)'):
        update(folder=home)


def test_the_repository_itself_is_not_updated(tmp_path):
    with pytest.raises(CourseError, match="belongs to the course's own repository"):
        update(tmp_path / "any.zip", Path(__file__).parents[1] / "notebooks")


def test_in_colab_the_next_start_brings_the_correction_into_drive(tmp_path, server, first, second):
    """Two sessions, between which the course publishes a correction; in both the box for Drive is ticked."""
    packages = fake_packages(tmp_path / "packages", INSTALLED | {"lightning": "2.6.6"})
    drive = tmp_path / "content" / "drive" / "MyDrive" / "segformer-course"
    (tmp_path / "content").mkdir()
    lone = tmp_path / "content" / "01_warmup.ipynb"
    lone.write_bytes(with_drive_ticked(first.files[WARMUP]))
    assert run_start_cell(lone, packages).returncode == 0

    # The student works in the notebook in Drive, and has begun with notebook 2.
    (drive / WARMUP).write_bytes(completed("intro/01_warmup", (drive / WARMUP).read_bytes()))
    work(drive, MODULES, lambda cells: cells.append(own("mine = 2")))
    mine = (drive / MODULES).read_bytes()
    identity = (drive / WARMUP).stat().st_ino

    before = server.manners.contents
    server.manners.contents = (zipped(second.files),)
    shutil.rmtree(tmp_path / "content" / "segformer-course")  # another machine
    try:
        done = run_start_cell(lone, packages, then="import segkit.new_part; print(segkit.new_part.HERE)")
    finally:
        server.manners.contents = before
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "True"
    assert "The course was corrected: A typing error in the shapes." in done.stdout
    assert f"{WARMUP} was corrected, with your work in it" in done.stdout and "load it again" in done.stdout
    assert (drive / MODULES).read_bytes() == mine  # nothing in it was corrected
    assert (drive / WARMUP).stat().st_ino == identity  # the page that shows it still does
    text = "".join(sources(drive))
    assert "CORRECTED = True" in text and "DRIVE = True" in text and "DRIVE = False" not in text
    notebook = parse_notebook((drive / WARMUP).read_bytes())
    loaded = load_cells("01_warmup", code_cells(notebook))
    assert loaded.problems == [] and loaded.module.PixelLinear
    assert not (drive / "segkit").exists()
