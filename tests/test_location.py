"""Where a student's data come from: the course's download, an address in DATA, or the sample without a network."""

import hashlib

import pytest
from ade20k_folder import write_folder, zipped
from file_server import FileServer, Manners, silent_port

from segkit import course, download
from segkit.course import CourseSettings, read_settings
from segkit.data import FourClassADE20K, Photographs, RawADE20K, locate_data, raw_data
from segkit.errors import CourseError
from segkit.subset import build_subset, pack_subset


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """An empty current directory, no settings, and no pauses between attempts."""
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    for name in ("DATA", "UNLABELLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(course, "SETTINGS", tmp_path / "course.toml")
    monkeypatch.setattr(download, "sleep", lambda seconds: None)
    return tmp_path / "desk"


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """What a course offers."""
    folder = tmp_path_factory.mktemp("course")
    ade = write_folder(folder / "ade")
    build_subset(ade, folder / "built", progress=False)
    pack_subset(ade, folder / "built", folder / "pack.zip", progress=False)
    return (folder / "pack.zip").read_bytes()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def offer(desk, url, checksum=""):
    (desk.parent / "course.toml").write_text(f'[data]\nurl = "{url}"\nsha256 = "{checksum}"\n')


def test_the_courses_data_are_downloaded_and_built_once(desk, pack, capsys):
    with FileServer(Manners((pack,))) as server:
        offer(desk, server.url, sha256(pack))
        root = locate_data()
        assert f"2 training and 2 validation images from {server.url}, in data" in capsys.readouterr().out
        assert locate_data() == root
        assert len(RawADE20K(raw_data())) == len(FourClassADE20K(root)) == len(Photographs(root)) == 2
        assert len(server.requests) == 1
    assert locate_data() == root  # without the server too


def test_an_interrupted_download_goes_on_in_the_next_call(desk, pack):
    with FileServer(Manners((pack,), cut_after=500)) as server:
        offer(desk, server.url, sha256(pack))
        while not list(desk.glob("data/*four-classes")):
            locate_data()
        assert server.ranges[:3] == [None, "bytes=500-", "bytes=1000-"]
    (zip_file,) = desk.glob("data/*.zip")
    assert zip_file.read_bytes() == pack


def test_without_network_the_sample_takes_the_place(desk, capsys):
    with silent_port() as port:
        offer(desk, f"http://127.0.0.1:{port}/data.zip")
        assert len(FourClassADE20K(locate_data())) > 100
        words = capsys.readouterr().out
        assert "Cannot download http://127.0.0.1" in words
        assert "Until then, the drawn sample takes the place of the photographs" in words
        assert len(RawADE20K(raw_data())) == 120


def test_what_is_not_what_the_course_offers_is_not_used(desk, pack, capsys):
    with FileServer(Manners((b"another file",))) as server:
        offer(desk, server.url, sha256(pack))
        root = locate_data()
    assert f"instead of {sha256(pack)}" in capsys.readouterr().out
    assert root.name == "sample-four-classes"
    assert not list(desk.glob("data/*.zip"))


def test_another_offer_in_mid_term_is_another_data_set(desk, pack):
    with FileServer(Manners((pack,))) as server:
        offer(desk, server.url, sha256(pack))
        first = locate_data()
        offer(desk, f"{server.url}?version=2", "")
        assert locate_data() != first


@pytest.mark.parametrize("with_checksum", [True, False])
def test_data_may_be_an_address(desk, pack, monkeypatch, with_checksum):
    with FileServer(Manners((pack,))) as server:
        monkeypatch.setenv("DATA", f"{server.url}#sha256={sha256(pack)}" if with_checksum else server.url)
        assert len(FourClassADE20K(locate_data())) == 2


def test_an_address_in_data_that_does_not_answer_is_an_error(desk, monkeypatch):
    with silent_port() as port:
        monkeypatch.setenv("DATA", f"http://127.0.0.1:{port}/data.zip")
        for function in (locate_data, raw_data):
            with pytest.raises(CourseError, match="Cannot download http"):
                function()
    assert not list(desk.glob("data/sample*"))


def test_an_address_with_another_checksum_is_an_error(desk, pack, monkeypatch):
    with FileServer(Manners((pack,))) as server:
        monkeypatch.setenv("DATA", f"{server.url}#sha256={'0' * 64}")
        with pytest.raises(CourseError, match=f"instead of {'0' * 64}"):
            locate_data()


def test_data_that_are_a_zip_of_something_else_are_explained(desk, tmp_path, monkeypatch):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "photo.jpg").write_bytes(b"sun")
    monkeypatch.setenv("DATA", str(zipped(tmp_path / "holiday", tmp_path / "holiday.zip")))
    with pytest.raises(CourseError, match="not in the ADE20K layout"):
        locate_data()


def test_the_settings_of_the_course_in_this_repository_can_be_read():
    assert read_settings(course.SETTINGS) == CourseSettings()
    assert course.SETTINGS.is_file()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[data", "cannot be read"),
        ("[data]\nlink = 'x'", "sets data.link = 'x', which is no setting"),
        ("[data]\nurl = 3", "sets data.url = 3, which must be text"),
        ("url = 'x'", "sets url outside of a table"),
    ],
)
def test_settings_that_are_none_are_explained(tmp_path, text, words):
    (tmp_path / "course.toml").write_text(text)
    with pytest.raises(CourseError, match=words):
        read_settings(tmp_path / "course.toml")


def test_no_file_is_no_settings(tmp_path):
    assert read_settings(tmp_path / "nowhere.toml") == CourseSettings()


@pytest.mark.parametrize("damage", ["old", "cut", "part"])
def test_a_set_of_another_version_or_damaged_is_built_again(desk, capsys, damage):
    root = locate_data()
    if damage == "part":
        (root / "training" / "00000.npy").unlink()
    else:
        (root / "manifest.json").write_text('{"format": 1, "splits": {}}' if damage == "old" else '{"form')
    assert locate_data() == root
    assert "is damaged, or was built by another version of the course: building it again" in capsys.readouterr().out
    assert len(FourClassADE20K(root)) > 100


def test_what_somebody_put_into_a_damaged_set_is_not_lost(desk):
    root = locate_data()
    (root / "manifest.json").write_text("{")
    (root / "notes.txt").write_text("mine")
    with pytest.raises(CourseError, match="holds something else as well"):
        locate_data()
    assert (root / "notes.txt").read_text() == "mine"


def test_an_offer_that_is_no_data_is_replaced_by_the_sample(desk, capsys):
    with FileServer(Manners((b"no zip file",))) as server:
        offer(desk, server.url)
        assert locate_data().name == "sample-four-classes"
        assert len(RawADE20K(raw_data())) == 120
    words = capsys.readouterr().out
    assert "neither a folder nor a zip file" in words
    assert "tell your instructor, whose course.toml names the address" in words


@pytest.mark.parametrize("address", ["ftp://somewhere/data.zip", "HTTP:///data.zip"])
def test_an_address_that_cannot_be_downloaded_is_explained(desk, monkeypatch, address):
    monkeypatch.setenv("DATA", address)
    with pytest.raises(CourseError, match="only addresses that begin with http"):
        locate_data()


def test_data_that_were_built_by_another_version_are_explained(desk, tmp_path, monkeypatch):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text('{"format": 1, "splits": {}}')
    monkeypatch.setenv("DATA", str(tmp_path / "old"))
    with pytest.raises(CourseError, match="not of format 2: build the data set again"):
        locate_data()
    assert (tmp_path / "old").is_dir()
