"""The data set as tensors, the given transforms, and where the data come from."""

import io
import pickle

import numpy as np
import pytest
import torch
from ade20k_folder import annotation, photograph, rotated_by_exif, write, write_folder, write_pair, zipped
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.transforms import v2

from segkit.data import (
    ADE20K_CLASSES,
    CLASS_NAMES,
    IMAGE_SIZE,
    TARGET_SIZE,
    EvalTransform,
    FourClassADE20K,
    Photographs,
    RawADE20K,
    build_subset,
    default_transform,
    denormalise,
    locate_data,
    prepare_image,
    raw_data,
)
from segkit.errors import CourseError
from segkit.subset import building


@pytest.fixture
def ade(tmp_path):
    return write_folder(tmp_path / "ade")


@pytest.fixture
def built(ade, tmp_path):
    build_subset(ade, tmp_path / "built", progress=False)
    return tmp_path / "built"


def pair(height=30, width=40, seed=0):
    """A photograph and a mask with ignored pixels, as the data set gives them."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.randint(256, (3, height, width), generator=generator, dtype=torch.uint8)
    mask = torch.tensor([0, 1, 2, 3, 255], dtype=torch.uint8)[torch.randint(5, (height, width), generator=generator)]
    return tv_tensors.Image(image), tv_tensors.Mask(mask)


# --- FourClassADE20K ------------------------------------------------------------------------------------------------


def test_an_item_is_a_square_photograph_and_its_labels(ade, built):
    data = FourClassADE20K(built)
    image, mask = data[0]
    assert isinstance(image, tv_tensors.Image)
    assert isinstance(mask, tv_tensors.Mask)
    assert (image.dtype, tuple(image.shape)) == (torch.uint8, (3, 256, 256))
    assert (mask.dtype, tuple(mask.shape)) == (torch.uint8, (256, 256))
    assert (mask[:, :128] == 1).all()
    assert (mask[:, 128:] == 0).all()
    expected = Image.open(ade / "images" / "training" / "first.jpg").resize((256, 256), Image.Resampling.BILINEAR)
    assert (image.permute(1, 2, 0).numpy() == np.asarray(expected)).all()


def test_planes_are_a_view_that_cannot_be_written(built):
    data = FourClassADE20K(built)
    planes = data.planes(1)
    assert (planes.dtype, planes.shape) == (np.uint8, (4, 256, 256))
    assert (planes[:3] == data[1][0].numpy()).all()
    assert (planes[3] == data[1][1].numpy()).all()
    with pytest.raises(ValueError, match="read-only"):
        planes[0, 0, 0] = 1


def test_what_is_done_to_an_item_does_not_last(built):
    data = FourClassADE20K(built)
    before = data[0][0].clone()
    data[0][0].zero_()
    assert (data[0][0] == before).all()


def test_items_of_all_parts_are_found(ade, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "PART_SIZE", 3)
    for number in range(7):
        write_pair(ade, f"pair_{number}", photograph(seed=number))
    build_subset(ade, tmp_path / "built", progress=False)
    data = FourClassADE20K(tmp_path / "built")
    assert data.names == ["first", *(f"pair_{number}" for number in range(7)), "second"]
    for index, name in enumerate(data.names):
        picture = Image.open(ade / "images" / "training" / f"{name}.jpg").resize((256, 256), Image.Resampling.BILINEAR)
        assert (data[index][0].permute(1, 2, 0).numpy() == np.asarray(picture)).all()
    assert (data[-1][0] == data[8][0]).all()
    for outside in (9, -10):
        with pytest.raises(IndexError):
            data[outside]


def test_items_are_in_the_order_of_their_names(built):
    data = FourClassADE20K(built, "validation")
    assert data.names == ["first", "second"]
    assert len(data) == len(list(data)) == 2
    assert data.manifest["splits"]["validation"]["kept"] == 2
    assert repr(data).endswith("'validation'): 2 images")


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_every_photograph_has_three_channels(ade, tmp_path, mode):
    write_pair(ade, "a_grey_one", photograph(mode=mode))
    build_subset(ade, tmp_path / "built", progress=False)
    data = FourClassADE20K(tmp_path / "built")
    assert data.names[0] == "a_grey_one"
    image, _ = data[0]
    assert tuple(image.shape) == (3, 256, 256)
    if mode == "L":
        assert (image[0] == image[1]).all()
        assert (image[0] == image[2]).all()


def test_a_photograph_is_as_it_is_stored_whatever_exif_says(ade, tmp_path):
    write_pair(ade, "a_turned_one", rotated_by_exif(photograph()), split="validation")
    build_subset(ade, tmp_path / "built", progress=False)
    image, mask = Photographs(tmp_path / "built")[0]
    stored = np.asarray(Image.open(io.BytesIO(rotated_by_exif(photograph()))))
    assert (image.permute(1, 2, 0).numpy() == stored).all()
    assert image.shape[1:] == mask.shape == (30, 40)


def test_a_transform_gets_both_and_decides_what_an_item_is(built):
    assert FourClassADE20K(built, transform=lambda image, mask: (mask.shape, image.shape))[1] == (
        (256, 256),
        (3, 256, 256),
    )


def test_transforms_of_torchvision_move_both_alike(built):
    image, mask = FourClassADE20K(built)[0]
    flipped_image, flipped_mask = FourClassADE20K(built, transform=v2.RandomHorizontalFlip(p=1))[0]
    assert (flipped_image == image.flip(-1)).all()
    assert (flipped_mask == mask.flip(-1)).all()


def test_it_loads_in_workers_that_are_not_forked(built):
    data = FourClassADE20K(built, transform=EvalTransform((32, 32), (8, 8)))
    loader = DataLoader(data, batch_size=2, num_workers=1, multiprocessing_context="spawn")
    images, targets = next(iter(loader))
    assert tuple(images.shape) == (2, 3, 32, 32)
    assert tuple(targets.shape) == (2, 8, 8)


def unbuilt(built):
    return built.parent / "nowhere"


def raw_folder(built):
    return built.parent / "ade"


def without_a_part(built):
    (built / "training" / "00000.npy").unlink()
    return built


def with_half_a_part(built):
    path = built / "training" / "00000.npy"
    path.write_bytes(path.read_bytes()[:1000])
    return built


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (unbuilt, r"nowhere holds no four-class data set \(no manifest.json\): build one with"),
        (raw_folder, "ade holds no four-class data set"),
        (without_a_part, "built is damaged: training/00000.npy is missing; build the data set again"),
        (with_half_a_part, r"training/00000.npy has 1,000 bytes and not 524,416; build the data set again"),
    ],
)
def test_a_folder_that_is_no_data_set_is_explained(built, damage, words):
    with pytest.raises(CourseError, match=words):
        FourClassADE20K(damage(built))


def test_a_split_that_is_none_is_explained(built):
    with pytest.raises(CourseError, match="There is no split 'test': choose"):
        FourClassADE20K(built, "test")


def test_a_part_that_is_no_array_is_named(built):
    part = built / "training" / "00000.npy"
    part.write_bytes(b"?" * part.stat().st_size)
    with pytest.raises(CourseError, match=r"00000.npy holds no array any more: build the data set again"):
        FourClassADE20K(built)[0]


# --- Photographs ------------------------------------------------------------------------------------------------------


def test_photographs_come_at_their_own_size(ade, built):
    data = Photographs(built)
    assert (data.names, len(data)) == (["first", "second"], 2)
    image, mask = data[1]
    assert isinstance(image, tv_tensors.Image)
    assert isinstance(mask, tv_tensors.Mask)
    assert (tuple(image.shape), tuple(mask.shape)) == ((3, 30, 40), (30, 40))
    expected = np.asarray(Image.open(ade / "images" / "validation" / "second.jpg"))
    assert (image.permute(1, 2, 0).numpy() == expected).all()
    assert (mask[:, :20] == 1).all()
    assert data.names == FourClassADE20K(built, "validation").names


def test_photographs_reach_other_processes(built):
    data = Photographs(built)
    expected = data[0][0]
    loaded = list(DataLoader(data, num_workers=2, multiprocessing_context="fork"))
    assert (loaded[0][0][0] == expected).all()
    assert (pickle.loads(pickle.dumps(data))[0][0] == expected).all()


def test_photographs_that_were_not_kept_are_explained(built):
    with pytest.raises(CourseError, match="was built without the training photographs: build it with --photographs"):
        Photographs(built, "training")


def test_a_damaged_photograph_is_named(built):
    path = built / "validation" / "00000.zip"
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"??????????" + data[110:])
    with pytest.raises(CourseError, match=r"00000.zip cannot be read \(.*CRC.*\): build the data set again"):
        Photographs(built)[0]


# --- transforms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(30, 40), (213, 320), (480, 301), (64, 64)])
def test_evaluation_sees_the_whole_image_and_labels_by_torchs_nearest(height, width):
    image, mask = pair(height, width)
    prepared, target = EvalTransform((64, 96), (16, 24))(image, mask)
    assert (prepared.dtype, tuple(prepared.shape)) == (torch.float32, (3, 64, 96))
    assert (target.dtype, tuple(target.shape)) == (torch.int64, (16, 24))
    assert type(prepared) is type(target) is torch.Tensor
    nearest = torch.nn.functional.interpolate(mask[None, None].float(), (16, 24), mode="nearest")[0, 0]
    assert (target == nearest).all()


def test_the_default_sizes_are_the_courses():
    prepared, target = default_transform(*pair())
    assert (tuple(prepared.shape), tuple(target.shape)) == ((3, *IMAGE_SIZE), TARGET_SIZE)


@pytest.mark.parametrize("size", [(64, 96), (20, 20), (240, 250)])
def test_an_image_is_prepared_as_torchvision_does_it(size):
    image, _ = pair(100, 130)
    steps = [v2.ToDtype(torch.float32, scale=True), v2.Resize(size, antialias=True)]
    steps.append(v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    torch.testing.assert_close(prepare_image(image, size), v2.Compose(steps)(image).as_subclass(torch.Tensor))


def test_preparing_leaves_the_photograph_as_it_is():
    image, mask = pair()
    before = image.clone(), mask.clone()
    default_transform(image, mask)
    assert (image == before[0]).all()
    assert (mask == before[1]).all()


@pytest.mark.parametrize("batch", [(), (2,)])
def test_denormalising_gives_the_photograph_back(batch):
    image, _ = pair(32, 48)
    prepared = prepare_image(image, (32, 48)).expand(*batch, 3, 32, 48)
    torch.testing.assert_close(denormalise(prepared), (image / 255).as_subclass(torch.Tensor).expand(*batch, 3, 32, 48))


# --- where the data come from ---------------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """An empty current directory and no settings."""
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    monkeypatch.delenv("DATA", raising=False)
    monkeypatch.delenv("UNLABELLED", raising=False)
    return tmp_path / "desk"


def test_without_data_the_sample_is_drawn_once(desk, capsys):
    first = locate_data()
    output = capsys.readouterr().out
    assert output.startswith("Data: ")
    assert "training and" in output
    assert "images from the drawn sample, in data" in output
    made = (first / "manifest.json").stat().st_mtime_ns
    assert locate_data() == first
    assert (first / "manifest.json").stat().st_mtime_ns == made
    assert len(FourClassADE20K(first)) > 100
    assert len(RawADE20K(raw_data())) == 120


@pytest.mark.parametrize("packed", [False, True])
def test_data_names_a_folder_or_a_zip_file(desk, ade, tmp_path, monkeypatch, capsys, packed):
    source = zipped(ade, tmp_path / "ade.zip", "ADEChallengeData2016/") if packed else ade
    monkeypatch.setenv("DATA", str(source))
    assert len(FourClassADE20K(locate_data())) == 2
    assert f"2 training and 2 validation images from {source}, in data" in capsys.readouterr().out
    assert raw_data() == source
    assert len(RawADE20K(raw_data())) == 2


def test_data_may_be_built_already(desk, built, monkeypatch):
    monkeypatch.setenv("DATA", str(built))
    assert locate_data() == built
    assert list(desk.iterdir()) == []
    with pytest.raises(CourseError, match="has four classes already"):
        raw_data()


def test_data_that_are_nowhere_are_explained(desk, monkeypatch):
    monkeypatch.setenv("DATA", "nowhere/ADEChallengeData2016")
    for function in (locate_data, raw_data):
        with pytest.raises(
            CourseError, match=r"variable DATA names nowhere.ADEChallengeData2016, which does not exist"
        ):
            function()


def test_other_data_and_other_labels_get_another_folder(desk, ade, tmp_path, monkeypatch):
    write_folder(tmp_path / "other" / "ade")
    monkeypatch.setenv("DATA", str(ade))
    folders = [locate_data(), locate_data(unlabelled="ignore")]
    monkeypatch.setenv("DATA", str(tmp_path / "other" / "ade"))
    folders.append(locate_data())
    assert len(set(folders)) == 3


def test_a_setting_says_what_unlabelled_pixels_become(desk, ade, monkeypatch):
    monkeypatch.setenv("DATA", str(ade))
    monkeypatch.setenv("UNLABELLED", "ignore")
    assert FourClassADE20K(locate_data()).manifest["unlabelled"] == "ignore"
    monkeypatch.setenv("UNLABELLED", "perhaps")
    with pytest.raises(CourseError, match='must be "background" or "ignore", not "perhaps"'):
        locate_data()


# --- RawADE20K ------------------------------------------------------------------------------------------------------


def test_raw_items_have_class_ids(ade, tmp_path):
    from_folder, from_zip = RawADE20K(ade), RawADE20K(zipped(ade, tmp_path / "ade.zip"))
    assert from_folder.names == from_zip.names == ["first", "second"]
    for (image, ids), (same_image, same_ids) in zip(from_folder, from_zip, strict=True):
        assert (image.dtype, tuple(image.shape)) == (torch.uint8, (3, 30, 40))
        assert ids.unique().tolist() == [1, 5]
        assert isinstance(ids, tv_tensors.Mask)
        assert (image == same_image).all()
        assert (ids == same_ids).all()


def test_raw_data_of_a_zip_file_reach_another_process(ade, tmp_path):
    data = RawADE20K(zipped(ade, tmp_path / "ade.zip"))
    first = data[0]
    copy = pickle.loads(pickle.dumps(data))
    assert (copy[0][1] == first[1]).all()


def test_raw_images_without_annotation_are_left_out(ade):
    write(ade, "images", "alone.jpg", photograph())
    assert RawADE20K(ade).names == ["first", "second"]


def test_an_annotation_that_is_not_class_ids_is_refused(ade):
    picture = io.BytesIO()
    Image.open(io.BytesIO(annotation())).convert("P").save(picture, "PNG")
    write(ade, "annotations", "first.png", picture.getvalue())
    with pytest.raises(CourseError, match=r"annotations/training/first.png of ade cannot be read"):
        RawADE20K(ade)[0]


def test_the_table_of_classes_is_complete():
    assert sorted(ADE20K_CLASSES) == list(range(1, len(CLASS_NAMES)))
    assert sum(map(len, ADE20K_CLASSES.values())) == 13
