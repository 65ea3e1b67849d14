"""A file is written whole or not at all, whatever stops the writing."""

import subprocess
import sys

import pytest

from autograder.files import write_whole
from autograder.paths import NOTEBOOKS
from segkit.files import whole_file


def written(path, text: str, **options) -> None:
    with whole_file(path, **options) as part:
        part.write_text(text)


@pytest.mark.parametrize("shared", [False, True])
def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path, shared):
    path = tmp_path / "new" / "file.txt"
    written(path, "old", shared=shared)
    with whole_file(path, shared=shared) as part:
        part.write_text("ne")
        assert path.read_text() == "old" and part.parent == path.parent and part.name.startswith(".")
        part.write_text("new")
    assert path.read_text() == "new" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError, RuntimeError])
def test_whatever_stops_the_writing_leaves_the_old_file_and_nothing_else(tmp_path, stop, shared):
    path = tmp_path / "file.txt"
    for there in ([], [path]):
        with pytest.raises(stop), whole_file(path, shared=shared) as part:
            part.write_text("half")
            raise stop
        assert list(tmp_path.iterdir()) == there
        path.write_text("old")
    assert path.read_text() == "old"


def test_a_block_that_fails_before_it_writes_says_why_it_failed(tmp_path):
    with pytest.raises(ValueError, match="first"), whole_file(tmp_path / "file.txt"):
        raise ValueError("first")
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "file.txt"):
        pass  # it has written nothing: that is nobody's file
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_taken_by_a_folder_is_left_alone(tmp_path):
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(OSError):
        written(tmp_path / "taken", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"] and (tmp_path / "taken" / "inside").is_dir()


def test_what_a_killed_process_has_left_is_written_over_by_the_next(tmp_path):
    path = tmp_path / "file.txt"
    code = (
        "import os, sys\nfrom segkit.files import whole_file\n"
        "with whole_file(sys.argv[1]) as part:\n    part.write_text('half of a long text')\n    os._exit(9)"
    )
    path.write_text("old")
    killed = subprocess.run([sys.executable, "-S", "-c", code, path], env={"PYTHONPATH": str(NOTEBOOKS)}, check=False)
    assert killed.returncode == 9 and path.read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    written(path, "new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_who_shares_a_file_writes_into_a_part_of_its_own_and_the_last_wins(tmp_path):
    path = tmp_path / "file.txt"
    with whole_file(path, shared=True) as first, whole_file(path, shared=True) as second:
        first.write_text("first")
        second.write_text("second")
    assert first != second and path.read_text() == "first" and list(tmp_path.iterdir()) == [path]


def test_the_graders_files_can_be_read_by_all_whoever_wrote_them(tmp_path):
    path = tmp_path / "board" / "index.html"
    write_whole(path, "ä")
    write_whole(path, b"\xff")
    assert path.read_bytes() == b"\xff" and path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]
