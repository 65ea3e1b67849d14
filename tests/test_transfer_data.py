"""Where the pets and the streets come from, how photographs are laid out, and how training reads them."""

import hashlib
import io
import os
import pickle
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from ade20k_folder import annotation, photograph, write_folder, write_pair
from file_server import FileServer, Manners
from PIL import Image
from torchvision.datasets import Cityscapes, OxfordIIITPet
from torchvision.transforms import v2

from segkit import download
from segkit.errors import CourseError
from segkit.transfer import cache, location
from segkit.transfer.data import (
    CITYSCAPES_CLASSES,
    CITYSCAPES_IDS,
    CITYSCAPES_PALETTE,
    CityscapesPairs,
    PetPairs,
    locate_cityscapes,
    locate_pets,
    split_pets,
)
from segkit.transfer.layouts import BACKGROUND, BORDER, PET, street_of, trimap_of

WALL, SKY, PERSON, ROAD, CAR, ANIMAL = 1, 3, 13, 7, 21, 127
HEIGHT, WIDTH = 60, 90


def animal_picture() -> np.ndarray:
    ids = np.full((HEIGHT, WIDTH), WALL, np.uint8)
    ids[20:40, 30:60] = ANIMAL
    return ids


def street_picture() -> np.ndarray:
    ids = np.full((HEIGHT, WIDTH), SKY, np.uint8)
    ids[30:] = ROAD
    ids[25:35, 10:30] = CAR
    ids[:3] = 0
    return ids


def write_photographs(root: Path) -> Path:
    """Twenty animals, ten streets and a wall in each split of a folder in ADE20K's layout."""
    for split in ("training", "validation"):
        for name, ids, count in (("animal", animal_picture(), 20), ("street", street_picture(), 10)):
            for number in range(count):
                jpeg = photograph(WIDTH, HEIGHT, seed=number + 100 * (split == "validation"))
                write_pair(root, f"{name}_{number:02d}", jpeg, annotation(ids), split)
        write_pair(root, "wall", split=split)
    return root


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    return write_photographs(tmp_path_factory.mktemp("photographs") / "ADE")


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """An empty current directory, and no settings."""
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    for name in ("DATA", "PETS", "CITYSCAPES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "sleep", lambda seconds: None)
    return tmp_path / "desk"


@pytest.fixture
def adapted(desk, photographs, monkeypatch) -> tuple[Path, Path]:
    """The photographs in both layouts."""
    monkeypatch.setenv("DATA", str(photographs))
    return locate_pets(), locate_cityscapes()


# --- where they come from -----------------------------------------------------------------------------------------


def test_without_anything_scenes_are_drawn_in_both_layouts(desk, capsys):
    pets, streets = locate_pets(), locate_cityscapes()
    words = capsys.readouterr().out
    assert "Oxford-IIIT Pet: drawn scenes in its layout, in data/drawn-pets" in words
    assert "Cityscapes: drawn scenes in its layout, in data/drawn-cityscapes" in words
    image, trimap = OxfordIIITPet(pets, "test", target_types="segmentation")[0]
    assert image.size == trimap.size
    assert set(np.unique(trimap)) == {PET, BACKGROUND, BORDER}
    image, ids = Cityscapes(streets, "val", target_type="semantic")[0]
    assert image.size == ids.size
    assert {CITYSCAPES_IDS[CITYSCAPES_CLASSES.index(name)] for name in ("road", "sky")} < set(np.unique(ids))
    before = {path: path.stat().st_mtime_ns for path in Path("data").rglob("*")}
    assert (locate_pets(), locate_cityscapes()) == (pets, streets)
    assert {path: path.stat().st_mtime_ns for path in Path("data").rglob("*")} == before


def test_photographs_of_data_take_the_place_of_both(adapted, photographs, capsys):
    pets, streets = adapted
    assert locate_pets() == pets
    assert "Oxford-IIIT Pet: photographs of DATA in its layout, in data/ADE-" in capsys.readouterr().out
    for split, count in (("trainval", 30), ("test", 10)):
        data = OxfordIIITPet(pets, split, target_types="segmentation")
        assert len(data) == count
        assert data.classes == ["Animal"]
    for split in ("train", "val"):
        assert len(Cityscapes(streets, split, target_type="semantic")) == 10
    images = pets / "oxford-iiit-pet" / "images"
    for number, split in ((3, "training"), (23, "validation")):
        copied = images / f"animal_{number:05d}-animal-03.jpg"
        assert copied.read_bytes() == (photographs / "images" / split / "animal_03.jpg").read_bytes()


def pictures(pets: Path, split: str) -> set[bytes]:
    """What the pictures of a split are, whatever they are called."""
    folder = pets / "oxford-iiit-pet" / "images"
    return {(folder / f"{name}.jpg").read_bytes() for name in PetPairs(pets, split).names}


def test_no_picture_is_in_two_splits(adapted, monkeypatch):
    monkeypatch.delenv("DATA")
    for pets in (adapted[0], locate_pets()):
        parts = [pictures(pets, split) for split in ("training", "validation", "test")]
        assert sum(map(len, parts)) == len(set.union(*parts)) == len(list(pets.rglob("*.jpg")))


def test_other_photographs_are_laid_out_anew(adapted, photographs, tmp_path, monkeypatch):
    other = tmp_path / "ADE"
    shutil.copytree(photographs, other)
    (other / "images" / "training" / "animal_03.jpg").unlink()
    monkeypatch.setenv("DATA", str(other))
    assert locate_pets() != adapted[0]
    assert len(OxfordIIITPet(locate_pets(), target_types="segmentation")) == 30
    assert len(OxfordIIITPet(locate_pets(), "test", target_types="segmentation")) == 9


def test_data_without_animals_and_streets_says_so_and_scenes_are_drawn(desk, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATA", str(write_folder(tmp_path / "ADE")))
    assert "drawn" in locate_pets().name
    assert "only 0 (trainval) and 0 (test) can take the place of Oxford-IIIT Pet: too few." in capsys.readouterr().out


@pytest.mark.parametrize("inside", [True, False])
def test_a_copy_of_ones_own_comes_first(adapted, monkeypatch, inside):
    pets, streets = (path.resolve() for path in adapted)
    monkeypatch.setenv("PETS", str(pets / "oxford-iiit-pet" if inside else pets))
    monkeypatch.setenv("CITYSCAPES", str(streets / "leftImg8bit" if inside else streets))
    assert (locate_pets(), locate_cityscapes()) == (pets, streets)


@pytest.mark.parametrize(("setting", "locate"), [("PETS", locate_pets), ("CITYSCAPES", locate_cityscapes)])
def test_a_setting_that_names_something_else_is_an_error(desk, monkeypatch, setting, locate):
    monkeypatch.setenv(setting, str(desk))
    with pytest.raises(CourseError, match=f"variable {setting} names .*desk, in which .* cannot be found: set it to"):
        locate()
    assert not Path("data").exists()


def test_zip_files_as_registration_gives_them_are_unpacked_by_torchvision(adapted, tmp_path, monkeypatch):
    own = tmp_path / "own"
    own.mkdir()
    for part in ("leftImg8bit", "gtFine"):
        shutil.make_archive(str(own / f"{part}_trainvaltest"), "zip", adapted[1], part)
    monkeypatch.setenv("CITYSCAPES", str(own))
    assert len(CityscapesPairs(locate_cityscapes())) == 10


def archive(pets: Path, part: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as file:
        file.add(pets / "oxford-iiit-pet" / part, part)
    return data.getvalue()


@pytest.fixture
def offered(adapted, monkeypatch):
    """Two servers that offer the archives of Oxford-IIIT Pet; one of them breaks off at first."""
    contents = [archive(adapted[0], part) for part in ("images", "annotations")]
    manners = [Manners((contents[0],), cut_after=2000, cuts=1), Manners((contents[1],))]
    with FileServer(manners[0]) as first, FileServer(manners[1]) as second:
        pairs = zip((first, second), contents, strict=True)
        resources = [(server.url, hashlib.md5(content).hexdigest()) for server, content in pairs]
        # Files are called after their addresses, and here both are the same.
        resources = [(f"{url}?/{number}.tar.gz", digest) for number, (url, digest) in enumerate(resources)]
        monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", resources)
        monkeypatch.setenv("PETS", "download")
        yield first, second


def test_pets_are_downloaded_once_as_torchvision_does(adapted, offered, capsys):
    root = locate_pets()
    assert "Oxford-IIIT Pet: downloaded, in data/pets-downloaded" in capsys.readouterr().out
    theirs, ours = (OxfordIIITPet(path, "test", target_types="segmentation") for path in (root, adapted[0]))
    assert len(theirs) == len(ours) == 10
    assert np.array_equal(theirs[3][0], ours[3][0])
    assert [len(server.requests) for server in offered] == [2, 1]  # the first went on where it was cut
    assert locate_pets() == root
    assert not list(root.rglob("*.tar.gz"))
    assert not Path("data/downloads").exists()


def test_an_interrupted_unpacking_leaves_nothing_half_done(offered, monkeypatch):
    def interrupt(*arguments, **settings):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(location, "OxfordIIITPet", type("Broken", (), {"_RESOURCES": OxfordIIITPet._RESOURCES}))
        patched.setattr(location.OxfordIIITPet, "__init__", interrupt)
        with pytest.raises(KeyboardInterrupt):
            locate_pets()
    assert not Path("data/pets-downloaded").exists()
    locate_pets()
    assert [len(server.requests) for server in offered] == [2, 1]


# --- how they are laid out ----------------------------------------------------------------------------------------


def test_a_trimap_has_a_border_around_the_animal():
    trimap = trimap_of(animal_picture())
    assert trimap[30, 45] == PET
    assert trimap[0, 0] == trimap[30, 10] == BACKGROUND
    assert (trimap[30, 29], trimap[30, 30], trimap[19, 45], trimap[40, 45]) == (BORDER,) * 4
    assert set(np.unique(trimap)) == {PET, BACKGROUND, BORDER}


def test_what_nobody_labelled_beside_an_animal_is_border():
    ids = animal_picture()
    ids[20:40, 60:63] = 0
    trimap = trimap_of(ids)
    assert (trimap[30, 60], trimap[30, 61], trimap[30, 64]) == (BORDER, BORDER, BACKGROUND)


@pytest.mark.parametrize("side", [0, 3])
def test_a_small_animal_is_no_pet(side):
    ids = np.full((HEIGHT, WIDTH), WALL, np.uint8)
    ids[:side, :side] = ANIMAL
    assert trimap_of(ids) is None


def test_a_street_gets_the_ids_of_cityscapes():
    street = street_of(street_picture())
    train_ids = {name: number for number, name in enumerate(CITYSCAPES_CLASSES)}
    expected = {name: CITYSCAPES_IDS[train_ids[name]] for name in ("road", "sky", "car")}
    assert (street[50, 50], street[10, 50], street[30, 20]) == tuple(expected[name] for name in ("road", "sky", "car"))
    assert street[0, 0] == 0
    assert street_of(animal_picture()) is None


def test_people_are_no_pets(desk, tmp_path, monkeypatch, capsys):
    ids = np.where(animal_picture() == ANIMAL, PERSON, WALL)
    for split in ("training", "validation"):
        for number in range(8):
            write_pair(tmp_path / "ADE", f"person_{number}", photograph(WIDTH, HEIGHT), annotation(ids), split)
    monkeypatch.setenv("DATA", str(tmp_path / "ADE"))
    locate_pets()
    assert "only 0 (trainval) and 0 (test)" in capsys.readouterr().out


def test_class_names_colours_and_ids_are_those_that_are_published():
    assert len(CITYSCAPES_CLASSES) == len(CITYSCAPES_IDS) == len(CITYSCAPES_PALETTE) == 19
    assert (CITYSCAPES_CLASSES[0], CITYSCAPES_IDS[0]) == ("road", 7)
    assert (CITYSCAPES_CLASSES[18], CITYSCAPES_IDS[18], CITYSCAPES_PALETTE[18]) == ("bicycle", 33, "#770b20")


# --- how training reads them --------------------------------------------------------------------------------------


def test_items_are_small_normalised_and_have_classes(adapted):
    image, target = PetPairs(adapted[0])[0]
    assert (image.shape, image.dtype, target.shape, target.dtype) == (
        (3, 64, 64), torch.float32, (64, 64), torch.int64,
    )  # fmt: skip
    assert target.unique().tolist() == [0, 1, 2]
    image, target = CityscapesPairs(adapted[1])[0]
    assert (image.shape, target.shape) == ((3, 64, 64), (64, 64))
    ids = [CITYSCAPES_CLASSES.index(name) for name in ("road", "sky", "car")]
    assert target.unique().tolist() == [*ids, 255]


def test_small_pictures_are_those_of_resizing_the_large_ones(adapted):
    pairs = PetPairs(adapted[0], "test")
    photograph, trimap = OxfordIIITPet(adapted[0], "test", target_types="segmentation")[4]
    image, mask = pairs.raw(4)
    large = v2.functional.to_dtype(v2.functional.pil_to_tensor(photograph), torch.float32, scale=True)
    wanted = v2.functional.resize(large, [64, 64], antialias=True)
    assert (image / 255 - wanted).abs().max() < 1.01 / 255
    labels = torch.from_numpy(np.array(trimap))[None]
    assert torch.equal(mask, v2.functional.resize(labels, [64, 64], v2.InterpolationMode.NEAREST)[0])


def test_a_transform_gets_the_picture_and_the_mask_as_annotated(adapted):
    pairs = PetPairs(adapted[0], "validation", transform=lambda image, trimap: (image, trimap))
    image, trimap = pairs[0]
    assert (image.dtype, trimap.dtype) == (torch.uint8, torch.uint8)
    assert set(trimap.unique().tolist()) == {PET, BACKGROUND, BORDER}
    trimap.zero_()
    assert pairs[0][1].any()


def test_training_and_validation_share_trainval_and_are_the_same_for_every_run(adapted):
    training, validation = split_pets(adapted[0])
    assert sorted(training + validation) == list(range(30))
    assert len(validation) == 6
    assert (training, validation) == split_pets(adapted[0]) != split_pets(adapted[0], seed=1)
    names = [set(PetPairs(adapted[0], split).names) for split in ("training", "validation")]
    assert not names[0] & names[1]


def test_a_fingerprint_tells_other_pictures_and_other_splits(adapted, photographs, tmp_path, monkeypatch):
    pets = adapted[0]
    prints = {PetPairs(pets, split, seed=seed).fingerprint for split in ("training", "validation") for seed in (0, 1)}
    assert len(prints) == 4
    assert PetPairs(pets, cache="elsewhere").fingerprint == PetPairs(pets).fingerprint
    other = tmp_path / "other"
    shutil.copytree(pets, other)
    assert PetPairs(other).fingerprint == PetPairs(pets).fingerprint
    changed = other / "oxford-iiit-pet" / "images" / f"{PetPairs(other).names[0]}.jpg"
    changed.write_bytes(photograph(WIDTH, HEIGHT, seed=99))
    assert PetPairs(other).fingerprint != PetPairs(pets).fingerprint


def test_pictures_of_cityscapes_come_in_one_order_on_every_machine(adapted, monkeypatch):
    names = CityscapesPairs(adapted[1]).names
    assert names == sorted(names)
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: listed(path)[::-1])
    assert CityscapesPairs(adapted[1]).names == names


def test_workers_open_the_files_themselves(adapted):
    pairs = PetPairs(adapted[0])
    pairs[0]
    sent = pickle.dumps(pairs)
    assert len(sent) < 20_000
    assert torch.equal(pickle.loads(sent)[1][0], pairs[1][0])


def test_an_interrupted_cache_goes_on(adapted, monkeypatch):
    monkeypatch.setattr(cache, "_BLOCK", 2)
    small, decoded = cache._small, []

    def interrupted(files, read, index):
        if len(decoded) == 5:
            raise KeyboardInterrupt
        decoded.append(index)
        return small(files, read, index)

    whole = PetPairs(adapted[0], "test", cache="whole")
    with monkeypatch.context() as patched:
        patched.setattr(cache, "_small", interrupted)
        patched.setattr(cache, "THREADS", 1)
        with pytest.raises(KeyboardInterrupt):
            PetPairs(adapted[0], "test", cache="cut")
    again = []
    monkeypatch.setattr(cache, "_small", lambda files, read, index: (again.append(index), small(files, read, index))[1])
    pairs = PetPairs(adapted[0], "test", cache="cut")
    assert sorted(again) == [4, 5, 6, 7, 8, 9]
    assert pairs.fingerprint == whole.fingerprint


def test_a_damaged_picture_is_named(adapted):
    folder = adapted[0] / "oxford-iiit-pet"
    (folder / "images" / "animal_00007-animal-07.jpg").write_bytes(b"no picture")
    with pytest.raises(
        CourseError, match=r"animal_00007-animal-07.jpg and .*animal_00007-animal-07.png cannot be used"
    ):
        PetPairs(adapted[0], "test")
    (folder / "annotations" / "trimaps" / "animal_00007-animal-07.png").unlink()
    with pytest.raises(CourseError, match=r"animal_00007-animal-07.png cannot be read .* is the data set complete\?"):
        PetPairs(adapted[0], "test")


def test_a_mask_of_colours_is_refused(adapted):
    path = adapted[0] / "oxford-iiit-pet" / "annotations" / "trimaps" / "animal_00002-animal-02.png"
    Image.open(path).convert("RGB").save(path)
    with pytest.raises(CourseError, match="a mask must be 8-bit grey"):
        PetPairs(adapted[0])


@pytest.mark.parametrize("make", [PetPairs, CityscapesPairs])
def test_what_is_not_there_is_said_in_a_sentence(desk, make):
    with pytest.raises(CourseError, match="There is no split 'train': choose one of training, validation"):
        make(desk, "train")
    with pytest.raises(CourseError, match=r"does not hold|is .* the folder of"):
        make(desk)
