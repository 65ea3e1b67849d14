"""Interrupted builds, full disks, two builds at once: what is finished stays, nothing is half-written."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ade20k_folder import photograph, write_folder, write_pair, zipped
from filelock import FileLock

from segkit import folders
from segkit.errors import CourseError
from segkit.subset import build_subset, building, parts, read_manifest, sources, verify_subset

SIX_PAIRS = 4  # beside the two that every folder has
KILLED_HALFWAY = """
import os, signal, sys
from segkit.subset import build_subset, building, parts
building.PART_SIZE = 2
finished = parts._record
def record(folder, part):
    finished(folder, part)
    if (part.split, part.number) == ("training", 1):
        os.kill(os.getpid(), signal.SIGKILL)
parts._record = record
build_subset(sys.argv[1], sys.argv[2], workers=1, progress=False)
"""


@pytest.fixture
def ade(tmp_path):
    """Six training pairs, two validation pairs."""
    folder = write_folder(tmp_path / "ade")
    for number in range(SIX_PAIRS):
        write_pair(folder, f"more_{number}", photograph(seed=number))
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(building, "PART_SIZE", 2)


@pytest.fixture
def read(monkeypatch):
    """Names of the pairs that are read, in the order in which they are."""
    names, read_pair = [], parts.read_pair

    def noted(source, split, name, files, digests):
        names.append(f"{split}/{name}")
        return read_pair(source, split, name, files, digests)

    monkeypatch.setattr(parts, "read_pair", noted)
    return names


def build(source, out, **options):
    return build_subset(source, out, workers=1, progress=False, **options)


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fail_at(monkeypatch, number, error):
    """The part `number` of the training split cannot be finished."""
    write_array = parts.write_array

    def broken(file, array):
        if Path(file.name).parent.name == "training" and f"{number:05d}" in Path(file.name).name:
            file.write(b"half a par")
            raise error
        write_array(file, array)

    monkeypatch.setattr(parts, "write_array", broken)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_finished_parts_are_not_built_again(ade, out, tmp_path, monkeypatch, read, error):
    with monkeypatch.context() as broken, pytest.raises((KeyboardInterrupt, CourseError)):
        fail_at(broken, 2, error)
        build(ade, out)
    assert not out.exists()
    read.clear()
    build(ade, out)
    assert read
    assert not {"training/first", "training/more_0", "training/more_1"} & set(read)
    build(ade, tmp_path / "at_once")
    assert content(out) == content(tmp_path / "at_once")


def test_a_full_disk_is_explained_and_leaves_nothing_half_written(ade, out, monkeypatch):
    fail_at(monkeypatch, 1, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(
        CourseError, match=r"There is no room for .*out \(.* MiB are free.*run the same again; what is fin"
    ):
        build(ade, out)
    left = sorted(content(out.with_name(".out.partial")))
    assert "content/training/00000.npy" in left
    assert not [name for name in left if "00001" in name or name.endswith(".part")]


@pytest.mark.skipif(os.name == "nt", reason="file size limits are a thing of Unix")
def test_a_file_that_may_not_grow_is_a_full_disk(ade, out, tmp_path):
    limited = (
        "import resource, sys; from segkit.subset import build_subset\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "build_subset(sys.argv[1], sys.argv[2], progress=False)"
    )
    run = subprocess.run([sys.executable, "-c", limited, ade, out], capture_output=True, text=True)
    assert "CourseError: There is no room for" in run.stderr
    assert not out.exists()


def test_a_build_that_is_killed_goes_on_where_it_was(ade, out, tmp_path, read):
    killed = subprocess.run([sys.executable, "-c", KILLED_HALFWAY, ade, out])
    assert killed.returncode == -signal.SIGKILL
    build(ade, out)
    assert not [name for name in read if name in ("training/first", "training/more_0", "training/more_1")]
    assert read
    build(ade, tmp_path / "at_once")
    assert content(out) == content(tmp_path / "at_once")
    assert verify_subset(out, progress=False) == []


def interrupted(ade, out, monkeypatch, **options):
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        fail_at(broken, 2, KeyboardInterrupt())
        build(ade, out, **options)


def test_other_options_do_not_go_on_with_the_parts_of_these(ade, out, monkeypatch, read):
    interrupted(ade, out, monkeypatch)
    read.clear()
    build(ade, out, unlabelled="ignore")
    assert len(read) == 8


def test_a_source_that_has_changed_is_read_from_its_beginning(ade, out, monkeypatch, read):
    interrupted(ade, out, monkeypatch)
    write_pair(ade, "first", photograph(seed=99))
    read.clear()
    build(ade, out)
    assert len(read) == 8


def test_a_part_that_did_not_reach_the_disk_whole_is_built_again(ade, out, monkeypatch, read):
    interrupted(ade, out, monkeypatch)
    part = out.with_name(".out.partial") / "content" / "training" / "00000.npy"
    part.write_bytes(part.read_bytes()[:-5] + b"power")
    read.clear()
    build(ade, out)
    assert "training/first" in read
    assert verify_subset(out, progress=False) == []


def test_a_source_that_changes_while_it_is_read_is_refused(ade, out, monkeypatch):
    def changing(source, split, name, files, digests):
        write_pair(ade, "late", photograph(seed=5))
        return read_pair(source, split, name, files, digests)

    read_pair = parts.read_pair
    monkeypatch.setattr(parts, "read_pair", changing)
    with pytest.raises(CourseError, match="ade changed while it was read"):
        build(ade, out)
    assert sorted(path.name for path in out.parent.iterdir()) == ["ade"]


def archived(ade, path):
    """A zip file of the folder, with another time of change than any before."""
    zipped(ade, path)
    os.utime(path, ns=(time.time_ns(), time.time_ns()))
    return path


def test_a_zip_file_that_changes_while_it_is_read_is_refused(ade, out, tmp_path, monkeypatch):
    def changing(source, split, name, files, digests):
        pair = read_pair(source, split, name, files, digests)
        if (split, name) == ("validation", "second"):
            archived(ade, tmp_path / "ade.zip")
        return pair

    read_pair = parts.read_pair
    archive = archived(ade, tmp_path / "ade.zip")
    monkeypatch.setattr(parts, "read_pair", changing)
    with pytest.raises(CourseError, match=r"ade\.zip changed while it was read"):
        build(archive, out)
    assert not out.exists()


def test_a_zip_file_that_was_mended_is_read_from_its_beginning(ade, out, tmp_path, monkeypatch, read):
    archive = archived(ade, tmp_path / "ade.zip")
    good = archive.read_bytes()
    content = (ade / "images" / "training" / "first.jpg").read_bytes()
    archive.write_bytes(good.replace(content, content[:-9] + b"wrong crc"))  # its table is that of the good one
    interrupted(archive, out, monkeypatch)
    archive.write_bytes(good)
    assert build(archive, out)["splits"]["training"]["kept"] == 6


def test_what_appeared_in_the_place_meanwhile_is_left_alone(ade, out, monkeypatch):
    def appearing(source, split, name, files, digests):
        out.mkdir(exist_ok=True)
        (out / "thesis.txt").write_text("years of work")
        return read_pair(source, split, name, files, digests)

    read_pair = parts.read_pair
    monkeypatch.setattr(parts, "read_pair", appearing)
    with pytest.raises(CourseError, match="out is already there"):
        build(ade, out)
    assert (out / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("step", ["write_manifest", "rename"])
def test_a_failure_in_the_last_step_loses_nothing(ade, out, monkeypatch, read, step):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken, pytest.raises(CourseError, match=r"no room|Cannot write"):
        if step == "rename":
            broken.setattr(folders, "_move_into_place", full)
        else:
            broken.setattr(building, "write_manifest", full)
        build(ade, out)
    read.clear()
    build(ade, out)
    assert read == []
    assert verify_subset(out, progress=False) == []


def test_a_disk_that_does_not_answer_is_no_damage_of_the_data(ade, out, monkeypatch, read):
    def tired(source, kind, split, name):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken, pytest.raises(CourseError, match="cannot be read at the moment"):
        broken.setattr(sources.FolderSource, "read", tired)
        build(ade, out)
    assert build(ade, out)["splits"]["training"]["dropped"] == {}


def test_the_lock_may_be_one_that_cannot_be_removed(ade, out, monkeypatch):
    def refuse(path, missing_ok=False):
        if path.name.endswith(".lock"):  # as Windows does while it is held
            raise PermissionError("in use")
        return unlink(path, missing_ok)

    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", refuse)
    build(ade, out)
    monkeypatch.undo()
    build(ade, out, overwrite=True)  # it was released


def test_other_parts_stop_when_one_fails(ade, out, monkeypatch, read):
    for number in range(300):
        write_pair(ade, f"many_{number:03d}")
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        fail_at(broken, 0, KeyboardInterrupt())
        build(ade, out)
    assert len(read) < 150


def test_a_part_of_larger_images_has_fewer(ade, out, monkeypatch):
    monkeypatch.setattr(building, "PART_SIZE", 8)
    manifest = build(ade, out, size=512)
    assert [len(part["names"]) for part in manifest["splits"]["training"]["parts"]] == [2, 2, 2]


def test_nothing_is_left_beside_a_finished_set(ade, out):
    build(ade, out)
    assert sorted(path.name for path in out.parent.iterdir()) == ["ade", "out"]
    assert sorted(path.name for path in out.iterdir()) == ["manifest.json", "training", "validation"]


def test_a_second_build_waits_for_the_first(ade, out):
    script = (
        "import sys; from segkit.subset import build_subset; build_subset(sys.argv[1], sys.argv[2], progress=False)"
    )
    with FileLock(out.with_name(".out.lock")):
        second = subprocess.Popen([sys.executable, "-c", script, ade, out], stderr=subprocess.PIPE, text=True)
        words = second.stderr.readline()
        time.sleep(0.2)
        assert second.poll() is None
    assert "Another process is making" in words
    assert second.wait(60) == 0
    assert read_manifest(out)["splits"]["training"]["kept"] == 6


def test_the_published_archive_must_give_the_published_number(ade, out, tmp_path, monkeypatch):
    archive = zipped(ade, tmp_path / "ade.zip")
    md5 = build(archive, out)["source_md5"]
    monkeypatch.setattr(building, "KNOWN_ARCHIVES", {md5: 6})
    build(archive, tmp_path / "right")
    monkeypatch.setattr(building, "KNOWN_ARCHIVES", {md5: 7})
    with pytest.raises(CourseError, match="of which 7 training images must stay, but 6 do"):
        build(archive, tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()
    assert building.KNOWN_ARCHIVES != {}


def test_the_real_archive_is_known():
    from segkit.download import ADE20K_MD5

    assert json.loads(json.dumps(building.KNOWN_ARCHIVES)) == {ADE20K_MD5: 11_068}
