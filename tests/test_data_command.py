"""The command line of the data, as a person uses it: download, build, verify, export, pack."""

import hashlib
import importlib.util
import json
from pathlib import Path

import pytest
from ade20k_folder import write_folder, zipped
from file_server import FileServer, Manners, silent_port

from segkit import download
from segkit.subset import is_built, read_manifest

SCRIPT = Path(__file__).resolve().parent.parent / "data_scripts" / "build_ade20k_subset.py"


@pytest.fixture(scope="module")
def command():
    spec = importlib.util.spec_from_file_location("build_ade20k_subset", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda *arguments: module.main([str(argument) for argument in arguments])


@pytest.fixture
def ade(tmp_path):
    return write_folder(tmp_path / "ade")


@pytest.fixture
def archive(ade, tmp_path):
    return zipped(ade, tmp_path / "published.zip", "ADEChallengeData2016/").read_bytes()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(download, "sleep", lambda seconds: None)


def md5(data):
    return hashlib.md5(data).hexdigest()


def downloading(server, data, tmp_path):
    return ["--download", "--url", server.url, "--md5", md5(data), "--archive", tmp_path / "data" / "ADE.zip"]


def test_one_command_downloads_and_builds(command, archive, tmp_path, capsys):
    with FileServer(Manners((archive,), cut_after=300, cuts=3)) as server:
        assert command(*downloading(server, archive, tmp_path), "--out", tmp_path / "out") == 0
        assert server.ranges == [None, "bytes=300-", "bytes=600-", "bytes=900-"]
    assert "ADE.zip is complete" in capsys.readouterr().out
    manifest = read_manifest(tmp_path / "out")
    assert (manifest["source_md5"], manifest["splits"]["training"]["kept"]) == (md5(archive), 2)
    assert sorted(path.name for path in (tmp_path / "data").iterdir() if path.suffix != ".lock") == ["ADE.zip"]


def test_what_is_downloaded_is_not_downloaded_again(command, archive, tmp_path):
    with FileServer(Manners((archive,))) as server:
        for out in ("first", "second"):
            assert command(*downloading(server, archive, tmp_path), "--out", tmp_path / out) == 0
        assert len(server.requests) == 1


def test_a_server_that_gives_another_file_ends_with_a_sentence(command, archive, tmp_path, capsys):
    with FileServer(Manners((b"something else",))) as server:
        assert command(*downloading(server, archive, tmp_path), "--out", tmp_path / "out") == 2
    words = capsys.readouterr().err
    assert f"instead of {md5(archive)}" in words
    assert len(words.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_no_server_ends_with_a_sentence(command, tmp_path, capsys):
    with silent_port() as port:
        url = f"http://127.0.0.1:{port}/ADE.zip"
        assert command("--download", "--url", url, "--archive", tmp_path / "ADE.zip", "--out", tmp_path / "out") == 2
    assert capsys.readouterr().err.startswith(f"Cannot download {url}")


def test_a_set_is_verified_and_its_damage_is_named(command, ade, tmp_path, capsys):
    command("--source", ade, "--out", tmp_path / "out")
    assert command("--verify", tmp_path / "out") == 0
    assert "is complete and unchanged: 2 training, 2 validation images" in capsys.readouterr().out
    (tmp_path / "out" / "training" / "00000.npy").unlink()
    assert command("--verify", tmp_path / "out") == 1
    assert capsys.readouterr().out == "training/00000.npy is missing: build again.\n"
    assert command("--verify", ade) == 2
    assert "holds no four-class data set" in capsys.readouterr().err


def test_a_set_becomes_pictures(command, ade, tmp_path, capsys):
    command("--source", ade, "--out", tmp_path / "out")
    assert command("--export", tmp_path / "out", "--out", tmp_path / "pictures") == 0
    assert "4 images and their labels written" in capsys.readouterr().out
    assert len(list((tmp_path / "pictures").rglob("*.png"))) == 6
    assert len(list((tmp_path / "pictures").rglob("*.jpg"))) == 2


def test_a_pack_is_written_beside_a_set_new_or_old(command, ade, tmp_path, capsys):
    assert command("--source", ade, "--out", tmp_path / "out", "--pack", tmp_path / "a.zip") == 0
    assert command("--source", ade, "--out", tmp_path / "out", "--pack", tmp_path / "b.zip") == 0
    digest = hashlib.sha256((tmp_path / "b.zip").read_bytes()).hexdigest()
    assert f"sha256 = {digest}" in capsys.readouterr().out.replace('"', "")


def test_options_reach_the_manifest(command, ade, tmp_path):
    options = ["--size", 128, "--photographs", "--unlabelled", "ignore", "--workers", 3]
    assert command("--source", ade, "--out", tmp_path / "out", *options) == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["size"], manifest["photographs"], manifest["unlabelled"]) == (128, [], "ignore")
    assert is_built(tmp_path / "out")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Give one of --source, --download, --verify and --export, not none: see --help."),
        (["--source", "a", "--verify", "b"], "not --source and --verify: see --help."),
        (["--source", "a"], "--source needs --out, the folder to write."),
        (["--source", ".", "--out", "b", "--size", "100"], "size must be a multiple of 64"),
        (["--source", ".", "--out", "b", "--workers", "0"], "workers must be 1 or more"),
    ],
)
def test_a_combination_that_makes_no_sense_is_explained(command, arguments, words, capsys):
    assert command(*arguments) == 2
    assert words in capsys.readouterr().err
