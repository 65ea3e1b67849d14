"""What we build is what the assignment's way makes: the same pairs, the same masks, and images as good as the same."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ade20k_folder import CAR, PERSON, SPLITS, TREE, annotation, photograph, write_pair
from original_way import WAYS, Way, make_split, read_target, rewrite_ids, stays
from PIL import Image

from segkit.sample import make_sample
from segkit.subset import ADE20K_CLASSES, build_subset
from segkit.subset.reading import PlaneFiles

LARGEST_MEAN, LARGEST_MEAN_OF_AN_IMAGE = 2.0, 4.0  # levels of 255: ours are decoded at a reduced scale


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Drawn scenes, a wall that does not stay, and large pictures of odd shapes, decoded at a half and at a quarter."""
    root = make_sample(tmp_path_factory.mktemp("raw") / "sample", training=6, validation=3)
    random = np.random.default_rng(0)
    for number, (width, height) in enumerate([(683, 512), (513, 1025), (512, 512), (1201, 1030), (257, 255)]):
        ids = Image.fromarray(random.choice([0, 1, TREE, PERSON, CAR], (height // 9, width // 9)).astype(np.uint8))
        png = annotation(ids.resize((width, height), Image.Resampling.NEAREST))
        for split in SPLITS:
            write_pair(root, f"large_{number}", photograph(width, height, seed=number), png, split)
    for split in SPLITS:
        write_pair(root, "wall", png=annotation(np.ones((30, 40))), split=split)
    return Path(root)


@pytest.fixture(scope="module")
def built(root, tmp_path_factory):
    """(folder, manifest) of what is built of it."""
    out = tmp_path_factory.mktemp("built") / "out"
    return out, build_subset(root, out, workers=2, progress=False)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("split", SPLITS)
def test_ours_is_what_the_original_way_makes(root, built, split, way):
    made, ours = make_split(root, split, way), PlaneFiles(*built, split)
    planes = np.stack(list(ours))
    assert ours.names == made.names
    assert 0 < len(made.names) < len(list((root / "images" / split).iterdir()))
    assert (planes[:, 3, ::4, ::4] == made.targets).all()
    of_each = np.abs(planes[:, :3].astype(int) - made.images).mean((1, 2, 3))
    assert of_each.mean() <= LARGEST_MEAN
    assert of_each.max() <= LARGEST_MEAN_OF_AN_IMAGE


def test_the_original_way_knows_all_ids_of_the_classes():
    labels = rewrite_ids(torch.arange(151, dtype=torch.uint8))
    expected = {member: label for label, members in ADE20K_CLASSES.items() for member in members}
    assert labels.tolist() == [expected.get(member, 0) for member in range(151)]


@pytest.mark.parametrize(("pixels", "kept"), [(0, False), (40, False), (41, True)])
def test_the_original_way_keeps_what_is_more_than_one_percent(tmp_path, pixels, kept):
    ids = np.ones(64 * 64)
    ids[:pixels] = TREE
    write_pair(tmp_path, "edge", png=annotation(ids.reshape(64, 64)))
    for way in (Way("whole"), Way("small", small_masks=True)):
        assert stays(read_target(tmp_path, "training", "edge", way)) is kept
