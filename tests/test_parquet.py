"""Parquet files as dataset hubs publish them: read like the folder they were made from, and refused in a sentence."""

import json
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ade20k_folder import SPLITS, annotation, photograph, write_folder, write_pair

from segkit.errors import CourseError
from segkit.subset import build_subset
from segkit.subset.parquet import ParquetSource, is_parquet

PICTURE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
ROWS = 12


def picture(data, path=None):
    return {"bytes": data, "path": path}


def pair(number, split="train"):
    """One row as hubs have it, with a size of its own so that no two files are alike."""
    name = f"ADE_{split}_{number:08d}"
    return {
        "image": picture(photograph(40 + number, 30, seed=number), f"{name}.jpg"),
        "annotation": picture(annotation(width=40 + number), f"{name}.png"),
    }


def write_table(path, rows, row_group_size=5, types=None, **options):
    """A parquet file with a column more than is needed and the metadata that hubs add."""
    types = types or {"image": PICTURE, "annotation": PICTURE}
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()}
    features = {"image": {"_type": "Image"}, "annotation": {"_type": "Image"}}
    table = pa.table(columns | {"scene_category": pa.array([0] * len(rows), pa.int64())})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=row_group_size, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    """Two training files with three row groups each, one validation file, and a test file of something else."""
    root = tmp_path / "ade20k" / "data"
    for part in range(2):
        rows = [pair(number) for number in range(part * ROWS, (part + 1) * ROWS)]
        write_table(root / f"train-{part:05d}-of-00002.parquet", rows)
    write_table(root / "validation-00000-of-00001.parquet", [pair(number, "val") for number in range(ROWS)])
    pq.write_table(pa.table({"question": ["which?"]}), root / "test-00000-of-00001.parquet")
    return tmp_path / "ade20k"


def validation_beside(root):
    """The other split, where a test is about one."""
    write_table(root / "validation.parquet", [pair(0, "val")])
    return root


# --- what is read ---------------------------------------------------------------------------------------------------


def test_the_names_are_those_of_the_paths(folder):
    source = ParquetSource(folder)
    assert source.name == "ade20k"
    assert source.files("images", "training") == [f"ADE_train_{number:08d}.jpg" for number in range(2 * ROWS)]
    assert source.files("annotations", "training") == [f"ADE_train_{number:08d}.png" for number in range(2 * ROWS)]
    assert source.files("annotations", "validation") == [f"ADE_val_{number:08d}.png" for number in range(ROWS)]


@pytest.mark.parametrize("threads", [1, 4])
def test_every_file_is_read_byte_for_byte(folder, threads):
    source = ParquetSource(folder)
    asked = [(kind, name) for kind in ("images", "annotations") for name in source.files(kind, "training")]
    np.random.default_rng(0).shuffle(asked)
    with ThreadPoolExecutor(threads) as pool:
        contents = pool.map(lambda file: source.read(file[0], "training", file[1]), asked)
        read = {tuple(file): content for file, content in zip(asked, contents, strict=True)}
    for number in range(2 * ROWS):
        name, row = f"ADE_train_{number:08d}", pair(number)
        assert read["images", f"{name}.jpg"] == row["image"]["bytes"]
        assert read["annotations", f"{name}.png"] == row["annotation"]["bytes"]


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zstd"},
        {"compression": "none", "use_dictionary": False},
        {"write_statistics": False},
        {"data_page_version": "2.0", "write_page_checksum": True},
        {"store_schema": False},
    ],
)
def test_the_writers_options_do_not_matter(tmp_path, options):
    rows = [pair(number) for number in range(ROWS)]
    write_table(validation_beside(tmp_path) / "train.parquet", rows, **options)
    source = ParquetSource(tmp_path)
    assert [source.read("images", "training", name) for name in source.files("images", "training")] == [
        row["image"]["bytes"] for row in rows
    ]


@pytest.mark.parametrize("binary", [pa.binary(), pa.large_binary()])
def test_plain_binary_columns_are_read_and_named_by_their_rows(tmp_path, binary):
    rows = [{name: value["bytes"] for name, value in pair(number).items()} for number in range(ROWS)]
    write_table(validation_beside(tmp_path) / "train.parquet", rows, types={"image": binary, "annotation": binary})
    source = ParquetSource(tmp_path)
    names = [f"row_{number:08d}" for number in range(ROWS)]
    assert source.files("images", "training") == [f"{name}.jpg" for name in names]
    for name, row in zip(names, rows, strict=True):
        assert source.read("images", "training", f"{name}.jpg") == row["image"]
        assert source.read("annotations", "training", f"{name}.png") == row["annotation"]


def test_rows_are_counted_on_from_file_to_file(tmp_path):
    rows = [{"image": picture(photograph(seed=number)), "annotation": picture(annotation())} for number in range(4)]
    write_table(validation_beside(tmp_path) / "train-00000-of-00002.parquet", rows[:3])
    write_table(tmp_path / "train-00001-of-00002.parquet", rows[3:])
    source = ParquetSource(tmp_path)
    assert source.files("images", "training")[-1] == "row_00000003.jpg"
    assert source.read("images", "training", "row_00000003.jpg") == rows[3]["image"]["bytes"]


def test_a_path_that_all_rows_share_is_no_name(tmp_path):
    rows = [pair(0), pair(0), pair(0)]
    write_table(validation_beside(tmp_path) / "train.parquet", rows)
    assert ParquetSource(tmp_path).files("images", "training") == [f"row_{number:08d}.jpg" for number in range(3)]


@pytest.mark.parametrize("path", ["images/training/here.jpg", "images\\training\\here.jpeg", "/mnt/here", "here.JPG"])
def test_of_a_path_only_the_stem_counts(tmp_path, path):
    row = {"image": picture(photograph(), path), "annotation": picture(annotation(), "elsewhere.png")}
    write_table(validation_beside(tmp_path) / "train.parquet", [row, pair(1)])
    source = ParquetSource(tmp_path)
    assert "here.jpg" in source.files("images", "training")
    assert "here.png" in source.files("annotations", "training")


def test_a_path_that_occurs_twice_is_listed_twice(tmp_path):
    write_table(validation_beside(tmp_path) / "train.parquet", [pair(0), pair(1), pair(0)])
    names = ParquetSource(tmp_path).files("images", "training")
    assert names == ["ADE_train_00000000.jpg", "ADE_train_00000000.jpg", "ADE_train_00000001.jpg"]


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("null", [None, picture(None, "elsewhere.jpg")])
def test_of_a_row_with_a_null_the_other_half_is_listed(tmp_path, null, statistics):
    rows = [pair(number) for number in range(ROWS)]
    rows[3]["image"] = null and picture(None, "ADE_train_00000003.jpg")
    rows[7]["annotation"] = null
    write_table(validation_beside(tmp_path) / "train.parquet", rows, write_statistics=statistics)
    source = ParquetSource(tmp_path)
    images, annotations = (source.files(kind, "training") for kind in ("images", "annotations"))
    assert set(range(ROWS)) - {int(name[-12:-4]) for name in images} == {3}
    assert set(range(ROWS)) - {int(name[-12:-4]) for name in annotations} == {7}
    assert source.read("annotations", "training", "ADE_train_00000003.png") == rows[3]["annotation"]["bytes"]
    assert source.read("images", "training", "ADE_train_00000008.jpg") == rows[8]["image"]["bytes"]


def test_a_row_of_nulls_is_not_lost(tmp_path):
    nothing = {"image": None, "annotation": None}
    write_table(validation_beside(tmp_path) / "train.parquet", [pair(0), nothing])
    source = ParquetSource(tmp_path)
    assert source.files("images", "training") == ["ADE_train_00000000.jpg", "row_00000001.jpg"]
    assert source.read("images", "training", "row_00000001.jpg") == b""


# --- splits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("training", "validation"),
    [
        ("train-00000-of-00001.parquet", "validation-00000-of-00001.parquet"),
        ("train-00000-of-00001-334a76ac3d1a0729.parquet", "val-00000-of-00001-90ff505672e63184.parquet"),
        ("training.parquet", "val.parquet"),
        ("default/train/0000.parquet", "default/validation/0000.parquet"),
        ("ADE20K_Train.PARQUET", "ADE20K_Valid.PARQUET"),
    ],
)
def test_the_split_is_in_the_name_of_the_file_or_of_its_folder(tmp_path, training, validation):
    write_table(tmp_path / training, [pair(1), pair(2)])
    write_table(tmp_path / validation, [pair(3)])
    write_table(tmp_path / "validation" / "test-00000-of-00001.parquet", [pair(4)])
    source = ParquetSource(tmp_path)
    assert source.files("images", "training") == ["ADE_train_00000001.jpg", "ADE_train_00000002.jpg"]
    assert source.files("images", "validation") == ["ADE_train_00000003.jpg"]


def test_parquet_is_known_by_its_files(folder, tmp_path):
    assert is_parquet(folder)
    assert is_parquet(folder / "data" / "train-00000-of-00002.parquet")
    assert not is_parquet(tmp_path / "nowhere.parquet")
    assert not is_parquet(write_folder(tmp_path / "ade"))


def test_an_ade20k_folder_with_a_parquet_file_beside_it_is_a_folder(tmp_path):
    write_table(tmp_path / "train.parquet", [pair(0)])
    write_folder(tmp_path / "ADEChallengeData2016")
    assert not is_parquet(tmp_path)


# --- memory and identity --------------------------------------------------------------------------------------------


def test_no_more_is_held_than_two_row_groups(tmp_path):
    random, size, group = np.random.default_rng(0), 2**16, 4
    rows = [{"image": picture(random.bytes(size)), "annotation": picture(random.bytes(size))} for _ in range(64)]
    write_table(validation_beside(tmp_path) / "train.parquet", rows, row_group_size=group)
    before = pa.total_allocated_bytes()
    source = ParquetSource(tmp_path)
    assert pa.total_allocated_bytes() - before < size
    for image, png in zip(source.files("images", "training"), source.files("annotations", "training"), strict=True):
        source.read("images", "training", image)
        source.read("annotations", "training", png)
        # A buffer may be twice as large as what is in it.
        assert pa.total_allocated_bytes() - before < 2 * 2 * group * size
    source.close()
    assert pa.total_allocated_bytes() - before < size


def test_a_row_group_is_read_once_for_all_its_rows(folder, monkeypatch):
    source = ParquetSource(folder)
    read_column, reads = source._read_column, []
    monkeypatch.setattr(source, "_read_column", lambda *place: reads.append(place) or read_column(*place))
    for image, png in zip(source.files("images", "training"), source.files("annotations", "training"), strict=True):
        source.read("images", "training", image)
        source.read("annotations", "training", png)
    assert len(reads) == 2 * 6  # two files of three row groups, two columns


def test_rows_in_another_order_than_their_names_are_read_in_the_order_of_the_rows(tmp_path, monkeypatch):
    rows = [pair(number) for number in (7, 2, 9, 4, 1, 8, 3, 0, 6, 5)]
    write_table(validation_beside(tmp_path) / "train.parquet", rows)
    source = ParquetSource(tmp_path)
    images = source.files("images", "training")
    assert images[:2] == ["00000000_ADE_train_00000007.jpg", "00000001_ADE_train_00000002.jpg"]
    read_column, reads = source._read_column, []
    monkeypatch.setattr(source, "_read_column", lambda *place: reads.append(place) or read_column(*place))
    assert [source.read("images", "training", name) for name in images] == [row["image"]["bytes"] for row in rows]
    assert len(reads) == 2  # row groups


def test_a_picture_that_is_too_large_is_not_given(tmp_path):
    rows = [{"image": picture(bytes(65 * 2**20), "large.jpg"), "annotation": picture(annotation(), "large.png")}]
    write_table(validation_beside(tmp_path) / "train.parquet", rows)
    with pytest.raises(ValueError, match="it has 65 MiB, more than the 64 MiB that are read"):
        ParquetSource(tmp_path).read("images", "training", "large.jpg")


def test_the_identity_tells_another_source(folder, tmp_path):
    identity = ParquetSource(folder).identity()
    assert len(identity) == 64
    assert ParquetSource(folder).identity() == identity
    folder.rename(tmp_path / "moved")
    source = ParquetSource(tmp_path / "moved")
    assert source.identity() == identity
    write_table(tmp_path / "moved" / "data" / "validation-00000-of-00001.parquet", [pair(5, "val")])
    assert source.identity() != identity


def test_a_source_can_be_sent_to_another_process(folder):
    source = ParquetSource(folder)
    source.read("images", "training", "ADE_train_00000000.jpg")
    again = pickle.loads(pickle.dumps(source))
    assert again.read("images", "training", "ADE_train_00000013.jpg") == pair(13)["image"]["bytes"]
    assert again.identity() == source.identity()


# --- what cannot be read --------------------------------------------------------------------------------------------


def without_a_column(root):
    table = pq.read_table(root / "train.parquet").rename_columns(["image", "label", "scene_category"])
    pq.write_table(table, root / "train.parquet")


def with_numbers_for_pictures(root):
    pq.write_table(pa.table({"image": [1, 2], "annotation": [3, 4]}), root / "train.parquet")


def with_paths_only(root):
    paths = [{"path": "here.jpg"}]
    pq.write_table(pa.table({"image": paths, "annotation": paths}), root / "train.parquet")


def cut_off(root):
    (root / "train.parquet").write_bytes((root / "train.parquet").read_bytes()[:-100])


def empty_file(root):
    (root / "train.parquet").write_bytes(b"")


def no_parquet_at_all(root):
    (root / "train.parquet").write_bytes(b"this is not a table" * 100)


def without_rows(root):
    write_table(root / "train.parquet", [])


def without_validation(root):
    (root / "validation.parquet").unlink()


def without_splits_in_names(root):
    (root / "validation.parquet").unlink()
    (root / "train.parquet").rename(root / "0000.parquet")


def without_any_file(root):
    for path in root.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            without_a_column,
            r"train.parquet has no column annotation: its columns are image, label, scene_category",
        ),
        (with_numbers_for_pictures, "The column image of .*train.parquet holds int64: the bytes of picture files"),
        (with_paths_only, "The column image of .*train.parquet holds struct<path: string>: the bytes of picture files"),
        (cut_off, "train.parquet cannot be read as a parquet file .*: download it again"),
        (empty_file, "train.parquet cannot be read as a parquet file .*: download it again"),
        (no_parquet_at_all, "train.parquet cannot be read as a parquet file .*: download it again"),
        (without_rows, "has no rows for training: give a folder with parquet files of both splits"),
        (without_validation, "has no rows for validation: give a folder with parquet files of both splits"),
        (without_splits_in_names, "The name of no parquet file at .* says which split it holds: call them"),
        (without_any_file, "There is no parquet file at .*: give a .parquet file or a folder of them"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path, damage, words):
    write_table(validation_beside(tmp_path) / "train.parquet", [pair(0), pair(1)])
    damage(tmp_path)
    with pytest.raises(CourseError, match=words) as refused:
        ParquetSource(tmp_path)
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_row_group_too_large_for_the_memory_is_refused(folder, monkeypatch):
    monkeypatch.setattr("segkit.subset.parquet.LARGEST_GROUP", 1000)
    with pytest.raises(CourseError, match=r"Row group 0 of .*train-00000-of-00002.parquet has .* GiB of image.bytes"):
        ParquetSource(folder)


def test_a_damaged_row_group_is_named_and_the_others_are_read(tmp_path):
    rows = [pair(number) for number in range(ROWS)]
    options = {"use_dictionary": False, "write_page_checksum": True}
    path = write_table(validation_beside(tmp_path) / "train.parquet", rows, **options)
    chunk = pq.read_metadata(path).row_group(1).column(0)
    content = bytearray(path.read_bytes())
    content[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 255
    path.write_bytes(content)
    source = ParquetSource(tmp_path)
    with pytest.raises(OSError, match=r"row group 1 of train\.parquet: .*"):
        source.read("images", "training", "ADE_train_00000005.jpg")
    for number in (4, 10):
        assert source.read("images", "training", f"ADE_train_{number:08d}.jpg") == rows[number]["image"]["bytes"]


def test_a_file_that_goes_away_is_an_error_of_the_disk(folder):
    source = ParquetSource(folder)
    (folder / "data" / "validation-00000-of-00001.parquet").unlink()
    with pytest.raises(OSError, match=r"row group 0 of data/validation-00000-of-00001\.parquet"):
        source.read("images", "validation", "ADE_val_00000000.jpg")


def test_without_pyarrow_the_way_to_get_it_is_said(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CourseError, match="Reading parquet files needs pyarrow: pip install pyarrow"):
        ParquetSource(folder)


# --- built ----------------------------------------------------------------------------------------------------------


def write_rows_of(root, out):
    """The folder `root` in the ADE20K layout as parquet files in `out`."""
    for split in SPLITS:
        rows = []
        for image in sorted((root / "images" / split).iterdir()):
            png = root / "annotations" / split / f"{image.stem}.png"
            found = picture(png.read_bytes(), png.name) if png.exists() else None
            rows.append({"image": picture(image.read_bytes(), image.name), "annotation": found})
        write_table(out / f"{split}.parquet", rows)
    return out


def test_the_same_is_built_from_parquet_files_as_from_the_folder(tmp_path):
    ade = write_folder(tmp_path / "ade")
    for number in range(ROWS):
        write_pair(ade, f"pair{number}", photograph(300, 280, seed=number), annotation(width=300, height=280))
    (ade / "annotations" / "training" / "pair7.png").unlink()
    build_subset(ade, tmp_path / "built", progress=False)
    manifest = build_subset(write_rows_of(ade, tmp_path / "rows"), tmp_path / "again", workers=2, progress=False)
    assert list(manifest["splits"]["training"]["dropped"]) == ["image without annotation"]
    files = [path.relative_to(tmp_path / "built") for path in (tmp_path / "built").rglob("*.npy")]
    assert len(files) == 2
    for file in files:
        assert (tmp_path / "built" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


def test_what_is_wrong_with_a_row_is_in_the_manifest(tmp_path):
    rows = [*map(pair, range(ROWS)), pair(0), {"image": None, "annotation": None}]
    write_table(validation_beside(tmp_path / "rows") / "train.parquet", rows)
    dropped = build_subset(tmp_path / "rows", tmp_path / "out", progress=False)["splits"]["training"]["dropped"]
    assert {reason: list(names) for reason, names in dropped.items()} == {
        "several files of one name": ["ADE_train_00000000"],
        "unreadable image": ["row_00000013"],
    }
