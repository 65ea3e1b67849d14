"""The drawn sample: in ADE20K's layout, the same on every machine, and good enough to learn from."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from segkit.errors import CourseError
from segkit.sample import make_sample
from segkit.subset import KEEP_RULE, build_subset, problems
from segkit.subset.classes import ADE20K_NAMES

SCRIPT = Path(__file__).resolve().parent.parent / "data_scripts" / "make_sample.py"


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The sample as a student gets it."""
    return make_sample(tmp_path_factory.mktemp("drawn") / "sample")


@pytest.fixture(scope="module")
def built(sample, tmp_path_factory):
    """(folder, manifest) of its four-class subset."""
    out = tmp_path_factory.mktemp("built") / "four"
    return out, build_subset(sample, out, progress=False)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def opened(folder, kind, split="training"):
    for path in sorted((folder / kind / split).iterdir()):
        with Image.open(path) as picture:
            yield path.stem, picture.copy()


def test_it_has_the_layout_of_ade20k(sample):
    for split, count in (("training", 120), ("validation", 40)):
        images, annotations = dict(opened(sample, "images", split)), dict(opened(sample, "annotations", split))
        assert len(images) == count
        assert images.keys() == annotations.keys()
        for name, image in images.items():
            assert (image.mode, annotations[name].mode) == ("RGB", "L")
            assert image.size == annotations[name].size
            assert annotations[name].getextrema()[1] <= 150


def test_photographs_have_many_shapes(sample):
    sizes = {image.size for _, image in opened(sample, "images")}
    assert len(sizes) > 100
    assert any(width > height for width, height in sizes)
    assert any(width < height for width, height in sizes)


def test_the_same_seed_draws_the_same_files(tmp_path):
    first = contents(make_sample(tmp_path / "first", 14, 3, seed=7))
    assert first == contents(make_sample(tmp_path / "second", 14, 3, seed=7))
    assert len(first) == 2 * 17 + 1


def test_another_seed_and_another_split_draw_other_pictures(tmp_path):
    first = contents(make_sample(tmp_path / "first", 4, 4, seed=0))
    second = contents(make_sample(tmp_path / "second", 4, 4, seed=1))
    pictures = [data for files in (first, second) for name, data in files.items() if name.endswith(".jpg")]
    assert len(set(pictures)) == len(pictures) == 16


def test_a_picture_does_not_depend_on_how_many_there_are(sample, tmp_path):
    few, many = contents(make_sample(tmp_path / "few", 3, 2)), contents(sample)
    for name in few.keys() - {"objectInfo150.txt"}:
        assert few[name] == many[name]


def test_object_info_counts_what_was_drawn(sample):
    rows = [line.split("\t") for line in (sample / "objectInfo150.txt").read_text().splitlines()]
    assert rows[0] == ["Idx", "Ratio", "Train", "Val", "Name"]
    assert [(int(row[0]), row[4]) for row in rows[1:]] == list(enumerate(ADE20K_NAMES))[1:]
    present = [set(np.unique(picture)) for _, picture in opened(sample, "annotations")]
    assert [int(row[2]) for row in rows[1:]] == [sum(label in ids for ids in present) for label in range(1, 151)]
    assert sum(float(row[1]) for row in rows[1:]) == pytest.approx(1, abs=0.02)


def test_it_shows_all_that_the_course_speaks_of(sample):
    ids = set()
    for _, picture in opened(sample, "annotations"):
        ids.update(np.unique(picture).tolist())
    looked_for = {5, 10, 18, 67, 13, 127, 21, 77, 84, 91, 103, 104, 128}
    left_alone = {1, 2, 3, 4, 7, 12, 17, 27, 73, 81}  # palm trees (73) and buses (81) among them
    assert looked_for | left_alone | {0} <= ids
    assert len(ids) > 40


def test_the_keep_rule_drops_some_of_it_and_nothing_else_is_amiss(built):
    _, manifest = built
    for record in manifest["splits"].values():
        assert list(record["dropped"]) == [KEEP_RULE]
        assert 0.03 < len(record["dropped"][KEEP_RULE]) / record["found"] < 0.2
        assert record["remarks"] == {}
        background, *others = record["class_shares"]
        assert 0.5 < background < 0.8
        assert min(others) > 0.025
    assert problems(manifest) == {}


def tensors(folder, split, step=5):
    planes = np.concatenate([np.load(path) for path in sorted((folder / split).glob("*.npy"))])[:, :, ::step, ::step]
    return torch.from_numpy(planes[:, :3]) / 127.5 - 1, torch.from_numpy(planes[:, 3]).long()


def ious(prediction, target):
    pairs = torch.bincount((4 * target + prediction).flatten(), minlength=16).reshape(4, 4).double()
    return pairs.diag() / (pairs.sum(0) + pairs.sum(1) - pairs.diag())


def test_a_small_network_learns_from_it(built):
    """A few seconds of training must find plants and some of the rest on images it has not seen."""
    folder, _ = built
    images, masks = tensors(folder, "training")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        widths = [3, 16, 24, 32, 32]
        layers = []
        for step, (before, after) in enumerate(pairwise(widths)):
            layers += [nn.Conv2d(before, after, 3, padding=2**step, dilation=2**step), nn.BatchNorm2d(after), nn.ReLU()]
        network = nn.Sequential(*layers, nn.Conv2d(widths[-1], 4, 1))
        optimizer = torch.optim.Adam(network.parameters(), 3e-3)
        for _ in range(100):
            batch = torch.randint(len(images), (8,))
            loss = nn.functional.cross_entropy(network(images[batch]), masks[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    images, masks = tensors(folder, "validation")
    with torch.no_grad():
        found = ious(network.eval()(images).argmax(1), masks)
    guessed = ious(torch.zeros_like(masks), masks)  # background everywhere
    assert found.mean() > guessed.mean() + 0.2
    assert found[1] > 0.5


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "precious.txt").write_text("mine")
    with pytest.raises(CourseError, match="is already there"):
        make_sample(tmp_path / "sample", 1, 1)
    assert contents(tmp_path) == {"sample/precious.txt": b"mine"}


def run(*arguments):
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True)


def test_the_command_draws_what_the_function_draws(tmp_path):
    arguments = ("--out", tmp_path / "command", "--training", 3, "--validation", 2, "--seed", 5)
    finished = run(*arguments)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("3 training and 2 validation images drawn in ")
    assert contents(tmp_path / "command") == contents(make_sample(tmp_path / "function", 3, 2, 5))
    again = run(*arguments)
    assert again.returncode == 2
    assert "is already there" in again.stderr
    assert "Traceback" not in again.stderr


def test_the_command_refuses_to_draw_nothing(tmp_path):
    finished = run("--out", tmp_path / "none", "--training", 0)
    assert finished.returncode == 2
    assert "must be at least 1" in finished.stderr
