"""KITTI's semantics: where they come from, how street scenes are laid out as them, and how training reads them."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from ade20k_folder import annotation, photograph, write_pair
from file_server import FileServer, Manners
from PIL import Image
from torch.utils.data import DataLoader

from segkit import download
from segkit.competition.__main__ import main
from segkit.competition.kitti import KittiPairs, locate_kitti, split_kitti
from segkit.errors import CourseError
from segkit.transfer.classes import CITYSCAPES_CLASSES, CITYSCAPES_PALETTE

SKY, ROAD, CAR = 3, 7, 21  # of ADE20K
HEIGHT, WIDTH = 30, 90


def street_picture() -> np.ndarray:
    ids = np.full((HEIGHT, WIDTH), SKY, np.uint8)
    ids[15:] = ROAD
    ids[12:18, 10:30] = CAR
    ids[:2] = 0
    return ids


def write_streets(root: Path, name: str, count: int) -> None:
    for split in ("training", "validation"):
        for number in range(count):
            jpeg = photograph(WIDTH, HEIGHT, seed=number + 100 * (split == "validation"))
            write_pair(root, f"{name}_{number:02d}", jpeg, annotation(street_picture()), split)


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """An empty current directory, and no settings."""
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    for name in ("DATA", "KITTI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "sleep", lambda seconds: None)
    return tmp_path / "desk"


@pytest.fixture
def driving(desk, tmp_path, monkeypatch) -> Path:
    """Photographs from a car among others of streets, in KITTI's layout."""
    write_streets(tmp_path / "ADE", "camvid", 20)
    write_streets(tmp_path / "ADE", "street", 3)
    monkeypatch.setenv("DATA", str(tmp_path / "ADE"))
    return locate_kitti()


def png(values) -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.asarray(values, np.uint8)).save(data, "PNG")
    return data.getvalue()


def kitti_zip(labelled: int = 60, unlabelled: int = 2) -> bytes:
    """What KITTI's zip file holds: picture `number` has the label id `number % 34` everywhere, and number as colour."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for number in range(labelled):
            name = f"{number:06d}_10.png"
            archive.writestr(f"training/image_2/{name}", png(np.full((7, 24 + number % 2, 3), number)))
            archive.writestr(f"training/semantic/{name}", png(np.full((7, 24 + number % 2), number % 34)))
        for number in range(unlabelled):
            archive.writestr(f"testing/image_2/{number:06d}_10.png", png(np.full((7, 24, 3), number)))
    return data.getvalue()


# --- where they come from -----------------------------------------------------------------------------------------


def test_without_anything_streets_are_drawn_in_the_layout(desk, capsys):
    assert main(["data"]) == 0
    root = Path("data/drawn-kitti-1")
    words = capsys.readouterr().out
    assert f"KITTI semantics: drawn scenes in its layout, in {root}" in words
    training, validation, testing = (KittiPairs(root, split) for split in ("training", "validation", "testing"))
    assert f"{len(training)} training, {len(validation)} validation, {len(testing)} testing" in words
    assert len(training) > 30 and len(validation) > 8 and len(testing) > 8
    image, target = training[0]
    assert image.shape[1:] == target.shape and image.shape[2] > 3 * image.shape[1] - 3
    assert {CITYSCAPES_CLASSES.index(name) for name in ("road", "sky")} < set(target.unique().tolist())
    assert testing[0].shape[0] == 3
    assert locate_kitti() == root


def test_photographs_from_a_car_take_their_place_and_others_do_not(driving, capsys):
    assert "kitti-driving" in driving.name
    counts = {split: len(KittiPairs(driving, split)) for split in ("training", "validation", "testing")}
    assert counts == {"training": 20, "validation": 10, "testing": 10}
    locate_kitti()
    assert "KITTI semantics: photographs of DATA in its layout, in data/ADE-" in capsys.readouterr().out


def test_without_a_car_photographs_of_streets_do(desk, tmp_path, monkeypatch):
    write_streets(tmp_path / "ADE", "street", 20)
    monkeypatch.setenv("DATA", str(tmp_path / "ADE"))
    root = locate_kitti()
    assert root.name.endswith("kitti-1") and "drawn" not in root.name
    assert len(KittiPairs(root)) == 20


def test_a_copy_of_ones_own_comes_first_as_a_folder_or_as_the_zip_file(driving, tmp_path, monkeypatch):
    monkeypatch.setenv("KITTI", str(driving.resolve()))
    assert locate_kitti() == driving.resolve()
    (tmp_path / "data_semantics.zip").write_bytes(kitti_zip())
    monkeypatch.setenv("KITTI", str(tmp_path / "data_semantics.zip"))
    root = locate_kitti()
    assert len(KittiPairs(root)) == 10 and len(KittiPairs(root, "validation")) == 50
    assert locate_kitti() == root


def encrypted(content: bytes) -> bytes:
    """A zip file whose table says of every member that it needs a password."""
    return b"PK\1\2".join(
        part if not number else part[:4] + bytes([part[4] | 1]) + part[5:]
        for number, part in enumerate(content.split(b"PK\1\2"))
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be unpacked (No such file or directory): get it again."),
        (b"no zip file", "cannot be unpacked (File is not a zip file): get it again."),
        (encrypted(kitti_zip(1)), "cannot be unpacked (damaged or encrypted): get it again."),
        (kitti_zip(0), "is not KITTI's data_semantics.zip: it has no folder training/semantic."),
    ],
)
def test_a_zip_file_that_is_another_is_refused_and_nothing_is_left(desk, monkeypatch, content, words, capsys):
    if content is not None:
        Path("other.zip").write_bytes(content)
    monkeypatch.setenv("KITTI", "other.zip")
    assert main(["data"]) == 2
    assert capsys.readouterr().err == f"other.zip {words}\n"
    assert not list(Path("data").glob("kitti*"))


def test_a_folder_that_is_another_is_refused(desk, monkeypatch):
    monkeypatch.setenv("KITTI", str(desk))
    with pytest.raises(CourseError, match=r"KITTI names .*desk, in which training and testing .* \(competition/README"):
        locate_kitti()


def test_a_download_goes_on_where_it_was_cut_and_is_checked(desk, monkeypatch, capsys):
    content = kitti_zip()
    digits = hashlib.sha256(content).hexdigest()
    with FileServer(Manners((content,), cut_after=2000, cuts=1)) as server:
        monkeypatch.setenv("KITTI", f"{server.url}#sha256={digits}")
        root = locate_kitti()
        assert locate_kitti() == root
        assert len(server.requests) == 2
        monkeypatch.setenv("KITTI", f"{server.url}#sha256={digits[::-1]}")
        with pytest.raises(CourseError, match=f"has sha256 {digits} instead of {digits[::-1]}"):
            locate_kitti()
        monkeypatch.setenv("KITTI", server.url)
        capsys.readouterr()
        locate_kitti()
    assert f"was not checked against a checksum; this one has sha256 {digits}" in capsys.readouterr().out
    assert len(KittiPairs(root)) == 10
    assert not Path("data/downloads").exists()


# --- how they are laid out ----------------------------------------------------------------------------------------


def test_a_photograph_and_its_labels_stand_in_kittis_folders(driving, tmp_path):
    name = "000003_10.png"
    folder = driving / "training"
    with Image.open(tmp_path / "ADE/images/training/camvid_03.jpg") as original:
        assert np.array_equal(Image.open(folder / "image_2" / name), original.convert("RGB"))
    labels = Image.open(folder / "semantic" / name)
    assert labels.mode == "L"
    labels = np.array(labels)
    assert (labels[0, 0], labels[5, 5], labels[14, 20], labels[25, 5]) == (0, 23, 26, 7)  # void, sky, car, road
    colours, road = np.array(Image.open(folder / "semantic_rgb" / name)), CITYSCAPES_CLASSES.index("road")
    assert "#{:02x}{:02x}{:02x}".format(*colours[25, 5]) == CITYSCAPES_PALETTE[road]
    instances = Image.open(folder / "instance" / name)
    assert instances.mode == "I;16" and np.array_equal(np.array(instances), 256 * labels.astype(int))
    assert len(list(folder.glob("*/*.png"))) == 4 * 30
    assert [path.name for path in (driving / "testing").iterdir()] == ["image_2"]


def test_a_zip_file_of_a_film_says_how_it_is_split(driving, desk, monkeypatch):
    given = split_kitti(driving)
    zipfile.main(["-c", "streets.zip", *map(str, driving.iterdir())])
    monkeypatch.setenv("KITTI", "streets.zip")
    root = locate_kitti()
    assert root != driving and split_kitti(root) == given


def test_a_film_is_not_split_by_chance(driving):
    training, validation = split_kitti(driving)
    assert json.loads((driving / "splits.json").read_text()) == {"training": training, "validation": validation}
    assert validation == [f"{number:06d}_10" for number in range(20, 30)]
    for damaged in ('{"training": [', "[]", '{"training": []}'):
        (driving / "splits.json").write_text(damaged)
        with pytest.raises(CourseError, match=r"splits\.json is damaged: get the data set again"):
            KittiPairs(driving)


# --- how training reads them --------------------------------------------------------------------------------------


@pytest.fixture
def kitti(desk, monkeypatch) -> Path:
    Path("kitti.zip").write_bytes(kitti_zip(200, 3))
    monkeypatch.setenv("KITTI", "kitti.zip")
    return locate_kitti()


def test_kittis_own_pictures_are_split_150_to_50_the_same_for_all(kitti):
    training, validation = split_kitti(kitti)
    assert (len(training), len(validation)) == (150, 50)
    assert not set(training) & set(validation)
    assert split_kitti(kitti) == (training, validation) and split_kitti(kitti, seed=1) != (training, validation)
    assert training == sorted(training) and validation[:3] != [f"{number:06d}_10" for number in range(3)]
    with pytest.raises(CourseError, match="200 labelled pictures in training/semantic, of which 200 cannot be"):
        split_kitti(kitti, validation=200)


def test_targets_are_train_ids_and_what_is_not_trained_on_is_ignored(kitti):
    data = KittiPairs(kitti)
    for index in range(40):
        image, target = data[index]
        number = int(data.names[index][:6])
        expected = {7: 0, 8: 1, 11: 2, 26: 13, 33: 18}.get(number % 34)
        assert image.dtype == torch.float32 and target.dtype == torch.int64
        assert image.shape == (3, 7, 24 + number % 2) and target.shape == image.shape[1:]
        assert data.raw(index)[0].eq(number).all() and data.raw(index)[1].eq(number % 34).all()
        if expected is not None:
            assert target.eq(expected).all()
        if number % 34 in (0, 3, 9, 10, 16, 29):
            assert target.eq(255).all()
    assert {int(data[index][1][0, 0]) for index in range(150)} == {*range(19), 255}


def test_pictures_of_some_pixels_more_or_less_make_a_batch_at_one_size(kitti):
    images, targets = next(iter(DataLoader(KittiPairs(kitti, size=(8, 26)), batch_size=6)))
    assert images.shape == (6, 3, 8, 26) and targets.shape == (6, 8, 26)
    assert KittiPairs(kitti, "testing", size=(8, 26))[2].shape == (3, 8, 26)
    image, labels = KittiPairs(kitti, transform=lambda image, labels: (image, labels))[0]
    assert (image.dtype, labels.dtype) == (torch.uint8, torch.uint8) and type(labels) is torch.Tensor


def test_files_that_cannot_be_read_are_named(kitti):
    data = KittiPairs(kitti)
    Image.new("RGB", (24, 7)).save(kitti / "training" / "semantic" / f"{data.names[0]}.png")
    with pytest.raises(CourseError, match=rf"semantic/{data.names[0]}\.png cannot be used \(labels must be 8-bit"):
        data[0]
    (kitti / "training" / "image_2" / f"{data.names[1]}.png").write_bytes(b"")
    with pytest.raises(CourseError, match=rf"image_2/{data.names[1]}\.png cannot be used"):
        data[1]
    Image.new("L", (5, 5)).save(kitti / "training" / "semantic" / f"{data.names[2]}.png")
    with pytest.raises(CourseError, match="is not as large as its image"):
        data[2]
    with pytest.raises(CourseError, match="There is no split 'test': choose one of training, validation, testing"):
        KittiPairs(kitti, "test")
