"""Films of predictions: as many frames as pictures, classes and legend in their colours, whole or not there at all."""

import av
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image
from safetensors.torch import save_file
from tiny_streets import BUDGET, TinyNet, tiny_entry, write_streets
from torch import nn

from segkit.competition import filming
from segkit.competition.__main__ import main
from segkit.competition.filming import SWATCH, film, legend_of, predict_labels, swatches
from segkit.competition.zoo import build_model
from segkit.errors import CourseError
from segkit.transfer.classes import CITYSCAPES_CLASSES, CITYSCAPES_PALETTE

HEIGHT, WIDTH = 48, 271  # an odd side: H.264 has none
ROAD, SKY = CITYSCAPES_CLASSES.index("road"), CITYSCAPES_CLASSES.index("sky")


class SkyAboveRoad(nn.Module):
    """Logits of a quarter of the sides: blue is sky, everything else road."""

    def forward(self, images):
        logits = torch.zeros(len(images), 19, *images.shape[-2:])
        logits[:, SKY] = images[:, 2]
        return logits[..., ::4, ::4]


@pytest.fixture
def frames(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(7):
        picture = np.zeros((HEIGHT, WIDTH + number % 2, 3), np.uint8)
        picture[: HEIGHT // 2] = (10, 10, 255)
        Image.fromarray(picture).save(folder / f"{number:03d}.{'jpg' if number == 3 else 'png'}")
    (folder / "notes.txt").write_text("no frame")
    return folder


def decoded(file):
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)], stream.average_rate


def colour(label):
    return 255 * np.array(to_rgb(CITYSCAPES_PALETTE[label]))


def test_a_film_has_a_frame_for_every_picture_with_its_classes_and_a_legend(frames, tmp_path):
    shares = film(SkyAboveRoad(), frames, tmp_path / "film.mp4", size=(64, 256), fps=12.5, alpha=0.5)
    shown, rate = decoded(tmp_path / "film.mp4")
    legend = legend_of(WIDTH)
    assert len(shown) == 7 and rate == 12.5
    assert {frame.shape for frame in shown} == {(HEIGHT + len(legend), WIDTH + 1, 3)}
    for frame in shown:
        assert np.abs(frame[8, 100] - (0.5 * np.array((10, 10, 255)) + 0.5 * colour(SKY))).max() < 20
        assert np.abs(frame[HEIGHT - 8, 100] - 0.5 * colour(ROAD)).max() < 20
    for label, (x, y) in enumerate(swatches(WIDTH)):
        middle = shown[-1][HEIGHT + y + SWATCH // 2, x + SWATCH // 2]
        assert np.abs(middle - colour(label)).max() < 20, CITYSCAPES_CLASSES[label]
    assert set(shares) == {"road", "sky"} and shares["sky"] == pytest.approx(0.5, abs=0.03)


def test_a_legend_names_every_class_within_its_width():
    for width in (130, 300, 1242):
        legend, corners = legend_of(width), swatches(width)
        assert len(set(corners)) == 19 and max(x for x, _ in corners) + SWATCH < max(width, SWATCH + 5)
        for label, (x, y) in enumerate(corners):
            assert np.array_equal(legend[y : y + SWATCH, x : x + SWATCH], np.full((SWATCH, SWATCH, 3), colour(label)))
            name = legend[y : y + SWATCH, x + SWATCH + 3 : x + 60]
            assert (name.min(axis=-1) < 100).any(), CITYSCAPES_CLASSES[label]
    assert len(legend_of(1242)) < len(legend_of(130))


def test_labels_are_predicted_at_another_size_and_are_those_of_every_pixel():
    picture = torch.zeros(3, 40, 80, dtype=torch.uint8)
    picture[2, :, :40] = 255
    model = SkyAboveRoad().train()
    labels = predict_labels(model, picture, (32, 64))
    assert labels.shape == (40, 80) and model.training
    assert labels[:, :36].eq(SKY).all() and labels[:, 44:].eq(ROAD).all()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_leaves_nothing_and_an_old_film_as_it_was(frames, tmp_path, monkeypatch, stop):
    out = tmp_path / "films" / "film.mp4"
    asked = iter(range(99))

    def stopping(*arguments):
        if next(asked) == 4:
            raise stop
        return torch.zeros(HEIGHT, WIDTH, dtype=torch.int64)

    monkeypatch.setattr(filming, "predict_labels", stopping)
    with pytest.raises(stop):
        film(SkyAboveRoad(), frames, out)
    assert list(out.parent.iterdir()) == []
    out.write_bytes(b"an old film")
    asked = iter(range(99))
    with pytest.raises(stop):
        film(SkyAboveRoad(), frames, out)
    assert list(out.parent.iterdir()) == [out] and out.read_bytes() == b"an old film"


def test_what_is_no_frame_or_cannot_be_filmed_is_named(frames, tmp_path):
    (tmp_path / "empty").mkdir()
    refusals = [
        ((tmp_path / "none", "film.mp4"), {}, "There is no folder .*none"),
        ((tmp_path / "empty", "film.mp4"), {}, "There are no pictures in .*empty: frames are files that end with .png"),
        ((frames, "film.gif"), {}, "film.gif must be a name that ends with .mp4"),
        ((frames, "film.mp4"), {"fps": 0}, "fps=0 must lie between 0 and 240"),
        ((frames, "film.mp4"), {"alpha": 2}, "alpha=2 must lie between 0 and 1"),
        ((frames, tmp_path / "frames" / "000.png" / "film.mp4"), {}, "film.mp4 cannot be written"),
    ]
    for arguments, options, sentence in refusals:
        with pytest.raises(CourseError, match=sentence):
            film(SkyAboveRoad(), *arguments, **options)
    (frames / "004.png").write_bytes(b"no picture")
    with pytest.raises(CourseError, match=r"004\.png cannot be read as a picture"):
        film(SkyAboveRoad(), frames, tmp_path / "film.mp4")
    assert not list(tmp_path.glob("*film*"))


def test_the_command_films_a_run_at_the_size_it_was_trained_with(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    streets = write_streets(tmp_path / "kitti")
    tiny_entry(streets, "runs", "base", "baseline", budget=BUDGET)
    assert main(["film", "kitti/testing/image_2", "--run", "runs/base"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("Wrote film.mp4. Of all pixels: ")
    assert len(decoded("film.mp4")[0]) == 2
    tiny_entry(streets, "runs")
    assert main(["film", "kitti/testing/image_2", "--run", "runs/tiny"]) == 2
    assert "TinyNet of the run tiny is no model of the zoo" in capsys.readouterr().err


def test_the_command_films_weights_of_a_model(frames, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_file(build_model("baseline", 19).state_dict(), "weights.safetensors")
    command = ["film", "frames", "--checkpoint", "weights.safetensors", "--size", "32", "48", "--out", "short.mp4"]
    assert main([*command, "--model", "baseline", "--fps", "5"]) == 0
    assert len(decoded("short.mp4")[0]) == 7
    save_file(TinyNet().state_dict(), "other.safetensors")
    for arguments, sentence in (
        (command, "--checkpoint needs --model"),
        ([*command, "--model", "unet"], "weights.safetensors holds other weights than those of unet with 19 classes."),
        (["film", "frames", "--checkpoint", "none", "--model", "unet"], "There is no file none."),
        (["film", "frames"], "Give film either --run"),
    ):
        assert main(arguments) == 2
        assert sentence in capsys.readouterr().err
