"""The four-class subset: what becomes of every label, which images stay, and that nothing is lost without a word."""

import hashlib
import importlib.util
import io
import json
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from ade20k_folder import (
    CAR,
    PERSON,
    SPLITS,
    TREE,
    annotation,
    photograph,
    rotated_by_exif,
    write,
    write_folder,
    write_pair,
    zipped,
)
from PIL import Image
from torchvision.transforms import v2

from segkit.errors import CourseError
from segkit.sample import make_sample
from segkit.subset import build_subset, building, is_built, problems, read_manifest, summary

REPOSITORY = Path(__file__).resolve().parent.parent
SCRIPT = REPOSITORY / "data_scripts" / "build_ade20k_subset.py"


@pytest.fixture
def ade(tmp_path):
    return write_folder(tmp_path / "ade")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def build(source, out, **options):
    return build_subset(source, out, progress=False, **options)


def kept_names(out, split="training"):
    return [name for part in read_manifest(out)["splits"][split]["parts"] for name in part["names"]]


def planes(out, name, split="training"):
    """Red, green, blue and label of one image, read without segkit.subset.reading."""
    for part in read_manifest(out)["splits"][split]["parts"]:
        if name in part["names"]:
            return np.load(out / part["files"][0]["file"])[part["names"].index(name)]
    raise KeyError(name)


def labels(out, name, split="training"):
    return planes(out, name, split)[3]


def photographs(out, split="validation"):
    """Name in the archive -> bytes, of all photographs that are kept at full size."""
    found = {}
    for path in sorted((out / split).glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            found |= {name: archive.read(name) for name in archive.namelist()}
    return found


def relative_files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# --- labels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unlabelled", "label_of_0"), [("background", 0), ("ignore", 255)])
def test_every_id_gets_its_class(ade, out, unlabelled, label_of_0):
    ids = np.repeat(np.arange(151, dtype=np.uint8)[None], 151, axis=0)
    write_pair(ade, "all", photograph(151, 151), annotation(ids))
    build(ade, out, unlabelled=unlabelled)
    expected = np.zeros(151, int)
    expected[[5, 10, 18, 67]] = 1
    expected[[13, 127]] = 2
    expected[[21, 77, 84, 91, 103, 104, 128]] = 3
    expected[0] = label_of_0
    assert (labels(out, "all") == expected[np.arange(256) * 151 // 256]).all()


def test_a_part_is_planes_of_256_pixels(ade, out):
    manifest = build(ade, out)
    (part,) = manifest["splits"]["training"]["parts"]
    array = np.load(out / part["files"][0]["file"], mmap_mode="r")
    assert (array.dtype, array.shape, array.flags.c_contiguous) == (np.uint8, (2, 4, 256, 256), True)
    assert (part["names"], part["sizes"]) == (["first", "second"], [[40, 30]] * 2)


def test_a_small_photograph_is_resized_as_torchvision_does_it(ade, out):
    build(ade, out)
    picture = Image.open(ade / "images" / "training" / "first.jpg")
    expected = np.asarray(v2.functional.resize(picture, (256, 256))).transpose(2, 0, 1)
    assert (planes(out, "first")[:3] == expected).all()


def test_a_large_photograph_is_nearly_what_torchvision_makes_of_it(ade, out):
    write_pair(ade, "large", photograph(1100, 1300), annotation(width=1100, height=1300))
    build(ade, out)
    picture = Image.open(ade / "images" / "training" / "large.jpg")
    expected = np.asarray(v2.functional.resize(picture, (256, 256))).transpose(2, 0, 1).astype(int)
    assert 0 < np.abs(planes(out, "large")[:3] - expected).mean() < 4


def test_another_size_can_be_asked_for(ade, out):
    build(ade, out, size=128)
    assert planes(out, "first").shape == (4, 128, 128)
    with pytest.raises(CourseError, match="multiple of 64, the side of a target, up to 512, not 100"):
        build(ade, out, size=100)


def test_validation_photographs_are_kept_byte_for_byte_with_labels_of_their_size(ade, out):
    build(ade, out)
    kept = photographs(out)
    assert sorted(kept) == ["images/first.jpg", "images/second.jpg", "labels/first.png", "labels/second.png"]
    assert kept["images/first.jpg"] == (ade / "images" / "validation" / "first.jpg").read_bytes()
    with Image.open(io.BytesIO(kept["labels/first.png"])) as png:
        assert (png.mode, png.size) == ("L", (40, 30))
        assert (np.asarray(png)[:, :20] == 1).all()
        assert (np.asarray(png)[:, 20:] == 0).all()


@pytest.mark.parametrize(("chosen", "kept"), [((), []), (("training", "validation"), list(SPLITS))])
def test_photographs_of_other_splits_are_kept_if_asked_for(ade, out, chosen, kept):
    manifest = build(ade, out, photographs=chosen)
    assert [split for split in SPLITS if photographs(out, split)] == kept
    assert manifest["photographs"] == sorted(chosen)


def test_a_function_can_take_the_place_of_the_table(ade, out):
    build(ade, out, map_labels=lambda ids: (ids == TREE).long() * 3)
    assert set(np.unique(labels(out, "first"))) == {0, 3}
    assert read_manifest(out)["mapping"] == "map_labels"


def test_unlabelled_pixels_are_ignored_whatever_the_function_makes_of_them(ade, out):
    ids = np.full((30, 40), TREE)
    ids[0] = 0
    write_pair(ade, "void", png=annotation(ids))
    build(ade, out, map_labels=lambda ids: torch.ones_like(ids), unlabelled="ignore")
    assert (labels(out, "void")[0] == 255).all()
    assert (labels(out, "void")[9:] == 1).all()  # each of 30 rows is 8 or 9 of 256


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda ids: None, "integer tensor of shape"),
        (lambda ids: ids.float(), "integer tensor of shape"),
        (lambda ids: ids[:5], "integer tensor of shape"),
        (lambda ids: ids, "returned 1 to 5"),
    ],
)
def test_a_function_that_returns_no_labels_is_refused(ade, out, function, words):
    with pytest.raises(CourseError, match=words):
        build(ade, out, map_labels=function)
    assert not out.exists()


# --- the keep rule ------------------------------------------------------------------------------------------------


def target_with(pixels, label=TREE, rest=1):
    """A 64x64 annotation, its own target, with this many pixels of `label`."""
    ids = np.full(64 * 64, rest)
    ids[:pixels] = label
    return annotation(ids.reshape(64, 64))


@pytest.mark.parametrize(("pixels", "kept"), [(0, False), (40, False), (41, True), (4096, True)])
@pytest.mark.parametrize("label", [TREE, PERSON, CAR])
def test_more_than_one_percent_must_not_be_background(ade, out, pixels, kept, label):
    write_pair(ade, "edge", photograph(64, 64), target_with(pixels, label))
    dropped = build(ade, out)["splits"]["training"]["dropped"]
    assert ("edge" in dropped.get("1 % rule", {})) is not kept
    assert ("edge" in kept_names(out)) is kept
    if not kept:
        assert dropped["1 % rule"]["edge"] == f"{pixels} of 4096 target pixels are not background"


def test_ignored_pixels_are_not_foreground(ade, out):
    write_pair(ade, "void", photograph(64, 64), target_with(40, rest=0))
    manifest = build(ade, out, unlabelled="ignore")
    assert list(manifest["splits"]["training"]["dropped"]["1 % rule"]) == ["void"]


@pytest.mark.parametrize(("height", "width"), [(30, 40), (100, 151), (213, 320), (64, 333), (427, 65)])
def test_the_target_is_where_torch_looks(tmp_path, out, height, width):
    ids = np.random.default_rng(height).choice([1, TREE, PERSON, CAR], (height, width))
    for split in SPLITS:
        write_pair(tmp_path / "ade", "noise", photograph(width, height), annotation(ids), split)
    shares = build(tmp_path / "ade", out)["splits"]["training"]["class_shares"]
    classes = torch.from_numpy(np.searchsorted([1, TREE, PERSON, CAR], ids))[None, None].float()
    target = torch.nn.functional.interpolate(classes, (64, 64), mode="nearest")
    assert shares == [float((target == label).float().mean()) for label in range(4)]


def test_a_split_of_which_nothing_is_left_is_an_error(tmp_path, out):
    ade = write_folder(tmp_path / "ade")
    for name in ("first", "second"):
        write_pair(ade, name, png=annotation(np.ones((30, 40))), split="validation")
    with pytest.raises(
        CourseError, match=r"Of the 2 images in ade, validation, none can be kept: 2 1 % rule \(as first\)\."
    ):
        build(ade, out)
    assert [path.name for path in tmp_path.iterdir()] == ["ade"]


# --- damaged and unusual files --------------------------------------------------------------------------------------


def noise(mode, size=(40, 30)):
    data = io.BytesIO()
    Image.new(mode, size).save(data, "PNG")
    return data.getvalue()


def without_annotation(ade):
    write(ade, "images", "odd.jpg", photograph())


def without_image(ade):
    write(ade, "annotations", "odd.png", annotation())


def other_size(ade):
    write_pair(ade, "odd", photograph(50, 30))


def turned_annotation(ade):
    write_pair(ade, "odd", rotated_by_exif(photograph(40, 30)), annotation(width=30, height=40))


def truncated_image(ade):
    write_pair(ade, "odd", photograph(400, 300)[:-2000], annotation(width=400, height=300))


def no_image_at_all(ade):
    write_pair(ade, "odd", b"this is not a photograph")


def empty_image(ade):
    write_pair(ade, "odd")
    (ade / "images" / "training" / "odd.jpg").write_bytes(b"")


def png_with_the_name_of_a_jpeg(ade):
    write_pair(ade, "odd", noise("RGB"))


def truncated_annotation(ade):
    ids = np.random.default_rng(0).integers(0, 151, (30, 40))
    write_pair(ade, "odd", png=annotation(ids)[:-700])


def annotation_of_16_bits(ade):
    write_pair(ade, "odd", png=noise("I;16"))


def annotation_with_a_palette(ade):
    write_pair(ade, "odd", png=noise("P"))


def annotation_in_colour(ade):
    write_pair(ade, "odd", png=noise("RGB"))


def annotation_with_an_id_too_large(ade):
    write_pair(ade, "odd", png=annotation(np.full((30, 40), 255)))


def two_files_of_one_name(ade):
    write_pair(ade, "odd")
    write(ade, "images", "odd.jpeg", photograph(seed=1))


def names_that_differ_in_case(ade):
    write(ade, "images", "odd.jpeg", photograph())
    write(ade, "images", "ODD.jpg", photograph())
    write(ade, "annotations", "odd.png", annotation())


def stray_file(ade):
    write(ade, "images", "odd.txt", b"where is my picture?")


DAMAGES = [
    (without_annotation, "image without annotation", ""),
    (without_image, "annotation without image", ""),
    (other_size, "sizes differ", "image 50x30, annotation 40x30"),
    (turned_annotation, "sizes differ", "image 40x30, annotation 30x40; the photograph has an EXIF rotation"),
    (truncated_image, "unreadable image", "truncated"),
    (no_image_at_all, "unreadable image", "it is no image file"),
    (empty_image, "unreadable image", "it is no image file"),
    (png_with_the_name_of_a_jpeg, "image is not a JPEG", "it is PNG"),
    (truncated_annotation, "unreadable annotation", ""),
    (annotation_of_16_bits, "annotation is not 8-bit grey PNG", "it is PNG, mode I;16"),
    (annotation_with_a_palette, "annotation is not 8-bit grey PNG", "it is PNG, mode P"),
    (annotation_in_colour, "annotation is not 8-bit grey PNG", "it is PNG, mode RGB"),
    (annotation_with_an_id_too_large, "annotation with unknown id", "id 255, ADE20K's go from 0 to 150"),
    (two_files_of_one_name, "several files of one name", "odd.jpeg, odd.jpg, odd.png"),
    (names_that_differ_in_case, "several files of one name", "ODD.jpg, odd.jpeg, odd.png"),
    (stray_file, "neither .jpg image nor .png annotation", ""),
]


@pytest.mark.parametrize(("damage", "reason", "detail"), DAMAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_damaged_file_is_named_and_counted_and_the_rest_goes_on(ade, out, damage, reason, detail):
    damage(ade)
    record = build(ade, out)["splits"]["training"]
    assert list(record["dropped"]) == [reason]
    ((name, words),) = record["dropped"][reason].items()
    assert name.lower().startswith("odd")
    assert detail in words
    assert (record["found"], record["kept"]) == (3, 2)
    assert kept_names(out) == ["first", "second"]
    assert f"problem: {reason}, 1 dropped: training/{name}" in summary(read_manifest(out))


@pytest.mark.parametrize(
    ("image", "remark"),
    [
        (photograph(mode="L"), "greyscale"),
        (photograph(mode="CMYK"), "CMYK"),
        (rotated_by_exif(photograph()), "EXIF rotation"),
        (rotated_by_exif(photograph(), orientation=1), None),
    ],
)
def test_an_unusual_photograph_is_kept_and_remarked_on(ade, out, image, remark):
    write_pair(ade, "odd", image)
    manifest = build(ade, out)
    record = manifest["splits"]["training"]
    assert record["remarks"] == ({remark: ["odd"]} if remark else {})
    assert (record["kept"], problems(manifest)) == (3, {})


def test_what_file_managers_leave_behind_is_no_data(ade, out):
    for name in (".DS_Store", "._first.jpg", "Thumbs.db"):
        write(ade, "images", name, b"junk")
    assert build(ade, out)["splits"]["training"]["found"] == 2


def test_names_and_endings_in_capitals_are_fine(ade, out):
    write(ade, "images", "LOUD.JPG", photograph())
    write(ade, "annotations", "LOUD.PNG", annotation())
    build(ade, out)
    assert "LOUD" in kept_names(out)


# --- sources ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "ADEChallengeData2016/"])
def test_a_zip_file_gives_what_its_folder_gives(ade, out, tmp_path, prefix):
    from_folder = build(ade, tmp_path / "from_folder")
    from_zip = build(zipped(ade, tmp_path / "ade.zip", prefix), out)
    assert (from_zip["source"], from_zip["source_kind"]) == ("ade.zip", "zip")
    assert (from_folder["source"], from_folder["source_kind"]) == ("ade", "folder")
    assert from_zip["source_md5"] == hashlib.md5((tmp_path / "ade.zip").read_bytes()).hexdigest()
    assert from_zip["splits"] == from_folder["splits"]
    for name in relative_files(out):
        if name != "manifest.json":
            assert (out / name).read_bytes() == (tmp_path / "from_folder" / name).read_bytes()


def test_a_folder_that_holds_ade20k_will_do(ade, out, tmp_path):
    ade.rename(tmp_path / "ADEChallengeData2016")
    assert build(tmp_path, out)["splits"]["training"]["kept"] == 2


def test_a_zip_file_may_hold_a_name_twice_and_other_things(ade, out, tmp_path):
    path = zipped(ade, tmp_path / "ade.zip")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("images/training/first.jpg", photograph(seed=9))
        archive.writestr("__MACOSX/images/training/._first.jpg", b"junk")
        archive.writestr("images/training/deeper/first.jpg", b"junk")
    dropped = build(path, out)["splits"]["training"]["dropped"]
    assert dropped == {"several files of one name": {"first": "first.jpg, first.jpg, first.png"}}


def test_a_name_that_leads_elsewhere_on_windows_is_not_written(ade, out, tmp_path):
    path = zipped(ade, tmp_path / "ade.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("images/training/C:evil.jpg", photograph())
        archive.writestr("annotations/training/C:evil.png", annotation())
    assert list(build(path, out)["splits"]["training"]["dropped"]) == ["name that is a path"]


def damaged_zip(tmp_path):
    path = tmp_path / "half.zip"
    path.write_bytes(zipped(write_folder(tmp_path / "whole"), tmp_path / "whole.zip").read_bytes()[:2000])
    return path


def folder_of_photographs(tmp_path):
    write(tmp_path / "photos", "images", "first.jpg", photograph())
    return tmp_path / "photos"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (lambda tmp_path: tmp_path / "nowhere", "There is no .*nowhere: give the ADEChallengeData2016 folder"),
        (damaged_zip, "neither a folder nor a zip file that can be read"),
        (
            folder_of_photographs,
            "not in the ADE20K layout: it has no files in images/validation, annotations/training, annotations/val",
        ),
    ],
)
def test_a_source_that_is_none_is_explained(tmp_path, out, source, words):
    with pytest.raises(CourseError, match=words):
        build(source(tmp_path), out)
    assert not out.exists()


# --- what is written ------------------------------------------------------------------------------------------------


def test_nothing_is_left_of_a_build_that_was_interrupted(ade, out):
    def interrupt(ids):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(ade, out, map_labels=interrupt)
    assert [path.name for path in out.parent.iterdir()] == ["ade"]


def test_a_folder_that_is_there_is_left_alone(ade, out):
    build(ade, out)
    before = (out / "manifest.json").read_bytes()
    with pytest.raises(CourseError, match="is already there"):
        build(ade, out, unlabelled="ignore")
    assert (out / "manifest.json").read_bytes() == before


def test_a_subset_can_be_replaced_and_nothing_else_can(ade, out, tmp_path):
    build(ade, out)
    build(ade, out, unlabelled="ignore", overwrite=True)
    assert read_manifest(out)["unlabelled"] == "ignore"
    with pytest.raises(CourseError, match="holds something else"):
        build(ade, ade, overwrite=True)
    assert len(relative_files(ade)) == 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ade", "out"]


def test_an_empty_folder_is_as_good_as_none(ade, out):
    out.mkdir()
    build(ade, out)
    assert is_built(out)


def test_a_place_that_cannot_be_written_is_explained(ade, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CourseError, match="Cannot write"):
        build(ade, tmp_path / "file" / "out")


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_builds_write_the_same_bytes_whatever_the_number_of_workers(ade, out, tmp_path, monkeypatch, workers):
    monkeypatch.setattr(building, "PART_SIZE", 3)
    for number in range(20):
        write_pair(ade, f"pair_{number}", photograph(seed=number))
    build(ade, out, workers=1)
    build(ade, tmp_path / "again", workers=workers)
    assert "training/00007.npy" in relative_files(out)
    assert relative_files(out) == relative_files(tmp_path / "again")
    for name in relative_files(out):
        assert (out / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_manifest_names_no_path_of_this_machine(ade, out, tmp_path):
    build(ade, out)
    assert str(tmp_path) not in (out / "manifest.json").read_text(encoding="utf-8")


def test_the_checksum_is_that_of_the_list_of_source_files(ade, out):
    recorded = build(ade, out)["splits"]["training"]["sha256"]
    lines = []
    for kind in ("images", "annotations"):
        for path in (ade / kind / "training").iterdir():
            lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {kind}/{path.name}\n")
    assert recorded == hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def test_the_checksum_tells_another_source(ade, out, tmp_path):
    first = build(ade, out)
    write_pair(ade, "second", photograph(seed=5))
    second = build(ade, tmp_path / "again")
    for split, same in (("training", False), ("validation", True)):
        assert (first["splits"][split]["sha256"] == second["splits"][split]["sha256"]) is same


@pytest.mark.parametrize(
    ("text", "words"), [("{", "cannot be read"), ("[]", "not of format"), ('{"format": 99}', "not of format")]
)
def test_a_manifest_that_is_none_is_explained(tmp_path, text, words):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(CourseError, match=words):
        read_manifest(tmp_path)
    assert not is_built(tmp_path)


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def command():
    spec = importlib.util.spec_from_file_location("build_ade20k_subset", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda *arguments: module.main([str(argument) for argument in arguments])


def test_the_command_builds_and_says_what_it_did(command, ade, out, capsys):
    assert command("--source", ade, "--out", out, "--unlabelled", "ignore", "--strict") == 0
    assert "training: 2 of 2 kept; dropped: none; pixels: background 50.0%" in capsys.readouterr().out
    assert read_manifest(out)["unlabelled"] == "ignore"


def test_problems_are_warnings_unless_strict(command, ade, out, capsys):
    without_annotation(ade)
    assert command("--source", ade, "--out", out) == 0
    assert "problem: image without annotation, 1 dropped: training/odd" in capsys.readouterr().out
    assert command("--source", ade, "--out", out, "--strict", "--overwrite") == 1
    assert is_built(out)


def test_the_keep_rule_is_no_problem(command, ade, out):
    write_pair(ade, "wall", png=annotation(np.ones((30, 40))))
    assert command("--source", ade, "--out", out, "--strict") == 0


def test_the_command_fails_with_a_sentence_and_status_2(tmp_path):
    arguments = [sys.executable, SCRIPT, "--source", tmp_path / "nowhere", "--out", tmp_path / "out"]
    run = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 2
    assert run.stderr.startswith("There is no ")
    assert len(run.stderr.splitlines()) == 1
    assert run.stdout == ""


# --- counted again --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The photographs that DATA names, or else the drawn sample."""
    if os.environ.get("DATA"):
        return Path(os.environ["DATA"])
    return make_sample(tmp_path_factory.mktemp("raw") / "sample")


def raw_files(source, kind, split):
    """Name -> function that opens the picture, from a folder or a zip file, without segkit."""
    if source.is_dir():
        root = source if (source / "images").is_dir() else source / "ADEChallengeData2016"
        return {path.stem: lambda path=path: Image.open(path) for path in (root / kind / split).iterdir()}
    archive = zipfile.ZipFile(source)
    names = [name for name in archive.namelist() if f"{kind}/{split}/" in f"/{name}" and not name.endswith("/")]
    return {Path(name).stem: lambda name=name: Image.open(archive.open(name)) for name in names}


def counted_again(source, split, ignore):
    """(names kept, share of each class, share of ignored pixels), straight from the assignment's words."""
    annotations = raw_files(source, "annotations", split)
    kept, totals = [], np.zeros(5, np.int64)
    for name in sorted(raw_files(source, "images", split)):
        with annotations[name]() as picture:
            ids = np.array(picture)
        rows, columns = ([math.floor(i * size / 64) for i in range(64)] for size in ids.shape)
        target = ids[np.ix_(rows, columns)].astype(np.int64)
        plant = np.isin(target, (5, 10, 18, 67))
        person = (target == 13) | (target == 127)
        vehicle = np.isin(target, (21, 77, 84, 91, 103, 104, 128))
        ignored = (target == 0) & ignore
        counts = [plant.sum(), person.sum(), vehicle.sum(), ignored.sum()]
        if sum(counts[:3]) / 4096 > 0.01:
            kept.append(name)
            totals += [4096 - sum(counts), *counts]
    return kept, totals[:4] / totals[:4].sum(), totals[4] / totals.sum()


@pytest.mark.timeout(3600)  # the whole of ADE20K has 22,000 images
@pytest.mark.parametrize("unlabelled", ["background", "ignore"])
def test_the_manifest_agrees_with_an_independent_count(source, out, unlabelled):
    build(source, out, unlabelled=unlabelled)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    for split in SPLITS:
        names, shares, ignored = counted_again(source, split, unlabelled == "ignore")
        record = manifest["splits"][split]
        assert kept_names(out, split) == names
        assert record["kept"] == len(names) > 0
        assert record["found"] == len(raw_files(source, "images", split))
        assert record["found"] == record["kept"] + sum(len(names) for names in record["dropped"].values())
        assert list(record["dropped"]) in ([], ["1 % rule"])
        assert record["class_shares"] == pytest.approx(shares, abs=1e-12)
        assert record["ignored_share"] == pytest.approx(ignored, abs=1e-12)
