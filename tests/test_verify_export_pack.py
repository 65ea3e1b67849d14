"""What can be done with a built subset: check it, look at it, give it to students; and sources that mean harm."""

import io
import json
import os
import sys
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from ade20k_folder import annotation, photograph, write, write_folder, write_pair, zipped
from PIL import Image

from segkit.errors import CourseError
from segkit.subset import build_subset, export_subset, pack_subset, read_manifest, verify_subset


@pytest.fixture
def ade(tmp_path):
    return write_folder(tmp_path / "ade")


@pytest.fixture
def built(ade, tmp_path):
    build_subset(ade, tmp_path / "built", progress=False)
    return tmp_path / "built"


def build(source, out, **options):
    return build_subset(source, out, progress=False, **options)


# --- verify -------------------------------------------------------------------------------------------------------


def one_byte_changed(built):
    path = built / "training" / "00000.npy"
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)


def a_part_missing(built):
    (built / "validation" / "00000.zip").unlink()


def a_part_cut_short(built):
    path = built / "training" / "00000.npy"
    path.write_bytes(path.read_bytes()[:-1])


def a_stranger(built):
    (built / "training" / "00001.npy").write_bytes(b"mine")


def a_manifest_that_says_more(built):
    manifest = json.loads((built / "manifest.json").read_text())
    manifest["splits"]["training"]["kept"] += 1
    (built / "manifest.json").write_text(json.dumps(manifest))


def test_a_set_as_it_was_built_is_complete(built):
    assert verify_subset(built, progress=False) == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (one_byte_changed, "training/00000.npy has other content than when it was built: build again."),
        (a_part_missing, "validation/00000.zip is missing: build again."),
        (a_part_cut_short, "training/00000.npy has other content than when it was built: build again."),
        (a_stranger, "training/00001.npy is not part of the data set."),
        (a_manifest_that_says_more, "manifest.json was changed since the data set was built: build it again."),
    ],
)
def test_whatever_changed_is_named(built, damage, words):
    damage(built)
    assert verify_subset(built, progress=False) == [words]


# --- export ---------------------------------------------------------------------------------------------------------


def test_the_way_back_gives_pictures(built, ade, tmp_path):
    assert export_subset(built, tmp_path / "pictures", progress=False) == 4
    pictures = tmp_path / "pictures"
    stored = np.load(built / "training" / "00000.npy")[0]
    with Image.open(pictures / "images" / "training" / "first.png") as image:
        assert (np.asarray(image).transpose(2, 0, 1) == stored[:3]).all()
    with Image.open(pictures / "labels" / "training" / "first.png") as labels:
        assert (np.asarray(labels) == stored[3]).all()
        left, right = labels.convert("RGB").getpixel((0, 0)), labels.convert("RGB").getpixel((255, 0))
        assert left != right  # in colours that people can tell apart
    original = ade / "images" / "validation" / "first.jpg"
    assert (pictures / "images" / "validation" / "first.jpg").read_bytes() == original.read_bytes()
    with Image.open(pictures / "labels" / "validation" / "first.png") as labels:
        assert (np.asarray(labels)[:, :20] == 1).all()
        assert labels.size == (40, 30)


def test_pictures_do_not_replace_what_is_there(built, ade):
    with pytest.raises(CourseError, match="is already there"):
        export_subset(built, ade, progress=False)


# --- pack -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_walls(ade):
    """Fifty pairs more that the keep rule drops, and one that is damaged."""
    for number in range(50):
        write_pair(ade, f"wall_{number:02d}", png=annotation(np.ones((30, 40))))
    write(ade, "images", "alone.jpg", photograph())
    return ade


def test_a_set_built_from_its_pack_is_the_same(with_walls, tmp_path):
    first = build(with_walls, tmp_path / "first")
    pack_subset(with_walls, tmp_path / "first", tmp_path / "pack.zip", progress=False)
    again = build(tmp_path / "pack.zip", tmp_path / "again")
    for split in ("training", "validation"):
        record, same = first["splits"][split], again["splits"][split]
        assert [part["names"] for part in record["parts"]] == [part["names"] for part in same["parts"]]
        assert record["class_shares"] == same["class_shares"]
        (path,) = {part["files"][0]["file"] for part in same["parts"]}
        assert (tmp_path / "first" / path).read_bytes() == (tmp_path / "again" / path).read_bytes()


def test_a_pack_has_some_of_what_was_dropped_and_knows_of_the_rest(with_walls, tmp_path):
    build(with_walls, tmp_path / "first")
    pack_subset(with_walls, tmp_path / "first", tmp_path / "pack.zip", progress=False)
    again = build(tmp_path / "pack.zip", tmp_path / "again")
    assert 20 <= len(again["splits"]["training"]["dropped"]["1 % rule"]) <= 40
    origin = again["origin"]["splits"]["training"]
    assert (origin["found"], origin["kept"]) == (53, 2)
    assert origin["dropped"] == {"1 % rule": 50, "image without annotation": 1}
    assert origin["class_shares_before"][0] > again["splits"]["training"]["class_shares_before"][0]


def test_a_pack_is_the_same_each_time_and_its_checksum_is_given(ade, built, tmp_path):
    sums = [pack_subset(ade, built, tmp_path / name, progress=False) for name in ("a.zip", "b.zip")]
    assert sums[0] == sums[1]
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_pack_of_another_source_is_refused(ade, built, tmp_path):
    write_pair(ade, "first", photograph(seed=7))
    with pytest.raises(CourseError, match=r"was not built from ade as it is now \(its training files are others\)"):
        pack_subset(ade, built, tmp_path / "pack.zip", progress=False)
    assert not (tmp_path / "pack.zip").exists()
    with pytest.raises(CourseError, match="is already there"):
        pack_subset(ade, built, ade, progress=False)


# --- sources that mean harm -----------------------------------------------------------------------------------------


def dropped(source, out):
    return build(source, out)["splits"]["training"]["dropped"]


def png_of(width, height):
    """A grey PNG of zeros: a few kilobytes for gigabytes of pixels."""

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    lines = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def jpeg_that_claims(width, height):
    data = bytearray(photograph())
    start = data.index(b"\xff\xc0") + 5  # the frame header: length, precision, then height and width
    data[start : start + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


@pytest.mark.parametrize(("width", "height"), [(10_000, 10_000), (60_000, 60_000)])
@pytest.mark.parametrize("kind", ["images", "annotations"])
def test_a_picture_that_unpacks_to_gigabytes_is_not_unpacked(ade, tmp_path, recwarn, kind, width, height):
    write_pair(ade, "bomb")
    bomb = jpeg_that_claims(width, height) if kind == "images" else png_of(width, height)
    write(ade, kind, "bomb.jpg" if kind == "images" else "bomb.png", bomb)
    tracemalloc.start()
    reasons = dropped(ade, tmp_path / "out")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [list(names) for names in reasons.values()] == [["bomb"]]
    assert set(reasons) == {"picture too large"}
    assert peak < 50e6
    # Files that earlier tests left open may be collected, and warned of, here.
    assert not [one for one in recwarn.list if not issubclass(one.category, ResourceWarning)]


def test_an_entry_of_a_zip_file_that_unpacks_to_gigabytes_is_not_unpacked(ade, tmp_path):
    write_pair(ade, "bomb")
    path = zipped(ade, tmp_path / "ade.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/training/large.jpg", bytes(100 * 2**20))
        archive.writestr("annotations/training/large.png", annotation())
    reasons = dropped(path, tmp_path / "out")
    assert reasons == {"unreadable file": {"large": "images: it has 100 MiB, more than the 64 MiB that are read"}}


def test_an_entry_that_lies_about_its_size_is_not_unpacked(ade, tmp_path):
    write_pair(ade, "bomb")
    path = zipped(ade, tmp_path / "ade.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/training/large.jpg", bytes(300 * 2**20))
        archive.writestr("annotations/training/large.png", annotation())
    data = bytearray(path.read_bytes())
    position = data.rindex(b"images/training/large.jpg") - 46 + 24  # its size, in the table at the end
    data[position : position + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    tracemalloc.start()
    reasons = dropped(path, tmp_path / "out")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert list(reasons["unreadable file"]) == ["large"]
    assert peak < 50e6


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_entry_of_another_compression_is_not_unpacked(ade, tmp_path, method):
    path = zipped(ade, tmp_path / "ade.zip")
    with zipfile.ZipFile(path, "a", method) as archive:
        archive.writestr("images/training/odd.jpg", photograph())
        archive.writestr("annotations/training/odd.png", annotation())
    words = dropped(path, tmp_path / "out")["unreadable file"]["odd"]
    assert words == "images: it is compressed in a way that ADE20K is not"


@pytest.mark.parametrize("text", ["[1, 2", "[1, 2]", '"text"'])
def test_a_pack_whose_origin_is_none_is_any_zip_file(ade, tmp_path, text):
    path = zipped(ade, tmp_path / "ade.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("subset.json", text)
    assert build(path, tmp_path / "out")["origin"] is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_a_name_that_is_no_text_is_kept_and_written_as_well_as_it_can_be(ade, tmp_path):
    for kind, ending, content in (("images", b".jpg", photograph()), ("annotations", b".png", annotation())):
        name = os.path.join(os.fsencode(ade / kind / "training"), b"caf\xe9" + ending)
        with open(name, "wb") as file:
            file.write(content)
    reasons = dropped(ade, tmp_path / "out")
    assert reasons == {"name that is not text": {"caf\ufffd": ""}}


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
@pytest.mark.parametrize("target", ["odd.jpg", "nowhere.jpg"])
def test_a_link_that_leads_nowhere_is_named(ade, tmp_path, target):
    (ade / "images" / "training" / "odd.jpg").symlink_to(target)
    write(ade, "annotations", "odd.png", annotation())
    assert list(dropped(ade, tmp_path / "out")["unreadable file"]) == ["odd"]


def test_damage_is_described_in_the_same_words_each_time(ade, tmp_path):
    write_pair(ade, "odd", b"this is no picture", annotation())
    write_pair(ade, "short", photograph(400, 300)[:-2000], annotation(width=400, height=300))
    for name in ("a", "b"):
        build(ade, tmp_path / name)
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()


# --- what is replaced and what is not -------------------------------------------------------------------------------


@pytest.mark.parametrize("stranger", ["notes.txt", "runs/best.pt", "training/mine.npy"])
def test_a_set_that_lies_among_other_files_is_not_replaced(built, ade, stranger):
    (built / stranger).parent.mkdir(exist_ok=True)
    (built / stranger).write_text("mine")
    with pytest.raises(CourseError, match="holds something else as well, so it is not replaced"):
        build(ade, built, overwrite=True)
    assert (built / stranger).read_text() == "mine"


def test_a_file_is_not_replaced(ade, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(CourseError, match="so it is not replaced"):
        build(ade, tmp_path / "out", overwrite=True)
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("text", ["{", '{"format": 1}', '{"format": 2, "splits": null}', '{"format": 2, "splits": {}}'])
def test_a_damaged_or_older_set_is_replaced(built, ade, text):
    (built / "manifest.json").write_text(text)
    (built / ".DS_Store").write_bytes(b"")
    with pytest.raises(CourseError, match="build the data set again"):
        verify_subset(built, progress=False)
    build(ade, built, overwrite=True)
    assert verify_subset(built, progress=False) == []


def test_what_file_managers_leave_behind_is_no_change(built):
    (built / "training" / ".DS_Store").write_bytes(b"")
    assert verify_subset(built, progress=False) == []


def test_a_pack_does_not_lie_in_its_set(built, ade):
    with pytest.raises(CourseError, match="lies in the data set itself"):
        pack_subset(ade, built, built / "pack.zip", progress=False)


def test_a_pack_of_a_pack_tells_of_the_first_source(with_walls, tmp_path):
    build(with_walls, tmp_path / "first")
    pack_subset(with_walls, tmp_path / "first", tmp_path / "pack.zip", progress=False)
    second = build(tmp_path / "pack.zip", tmp_path / "second")
    pack_subset(tmp_path / "pack.zip", tmp_path / "second", tmp_path / "again.zip", progress=False)
    assert build(tmp_path / "again.zip", tmp_path / "third")["origin"] == second["origin"]


def test_a_home_folder_may_be_written_short(ade, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    build("~/ade", "~/out")
    assert verify_subset("~/out", progress=False) == []
    assert export_subset("~/out", "~/pictures", progress=False) == 4


@pytest.mark.parametrize("prefix", ["../", "../../", "/", "a/../../"])
def test_an_entry_that_would_unpack_to_another_place_is_named_and_nothing_is_written_there(ade, tmp_path, prefix):
    path = zipped(ade, tmp_path / "ade.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{prefix}images/training/evil.jpg", photograph())
        archive.writestr(f"{prefix}annotations/training/evil.png", annotation())
    reasons = dropped(path, tmp_path / "out")
    assert list(reasons) == ["name that is a path"]
    assert set(reasons["name that is a path"]) == {
        f"{prefix}images/training/evil",
        f"{prefix}annotations/training/evil",
    }
    assert not list(tmp_path.rglob("evil*"))


def test_a_zip_file_with_a_damaged_entry_gives_the_rest(ade, tmp_path):
    write_pair(ade, "odd", photograph(seed=3))
    path = zipped(ade, tmp_path / "ade.zip")
    data = path.read_bytes()
    content = (ade / "images" / "training" / "odd.jpg").read_bytes()
    assert data.count(content) == 1
    path.write_bytes(data.replace(content, content[:-9] + b"wrong crc"))
    reasons = dropped(path, tmp_path / "out")
    assert "Bad CRC-32" in reasons["unreadable file"]["odd"]
    assert [part["names"] for part in read_manifest(tmp_path / "out")["splits"]["training"]["parts"]] == [
        ["first", "second"]
    ]


def test_an_encrypted_entry_gives_the_rest(ade, tmp_path):
    path = zipped(ade, tmp_path / "ade.zip")
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = data.index(signature + data[data.index(signature) + 4 : data.index(signature) + 6])
        data[position + offset] |= 1  # the first file of the archive says that it is encrypted
    path.write_bytes(data)
    manifest = build(path, tmp_path / "out")
    problems = [reason for record in manifest["splits"].values() for reason in record["dropped"]]
    assert problems == ["unreadable file"]


def test_a_jpeg_of_no_colours_that_training_knows_is_kept_in_three(ade, tmp_path):
    for mode in ("L", "CMYK"):
        write_pair(ade, f"odd_{mode}", photograph(600, 700, mode=mode), annotation(width=600, height=700))
    build(ade, tmp_path / "out")
    names = read_manifest(tmp_path / "out")["splits"]["training"]["parts"][0]["names"]
    arrays = np.load(tmp_path / "out" / "training" / "00000.npy")
    grey = arrays[names.index("odd_L")]
    assert (grey[0] == grey[1]).all()
    picture = Image.open(io.BytesIO(photograph(600, 700, mode="CMYK"))).convert("RGB").resize((256, 256))
    difference = np.abs(arrays[names.index("odd_CMYK")][:3].transpose(1, 2, 0) - np.asarray(picture).astype(int))
    assert difference.mean() < 4
