"""segkit.plots and segkit.figures: what they draw, who can read it, and what they refuse."""

import base64
import math
import re
import subprocess
import sys
from itertools import combinations

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from segkit.analysis import reliability
from segkit.canvas import LINE_COLORS, LOOK
from segkit.competition.comparing import Compared, show_comparison
from segkit.competition.front import show_front
from segkit.competition.ladder_figures import draw_looks, show_ladder
from segkit.competition.steps import Ladder, Measured, Step
from segkit.competition.training_figures import draw_auxiliary_head, show_kept_pixels
from segkit.data import prepare_image
from segkit.errors import CourseError
from segkit.figures import draw_attention_reduction, draw_patches, draw_segformer
from segkit.plots import (
    IGNORE_COLOR,
    PALETTE,
    colorize,
    overlay,
    show_attention,
    show_class_iou,
    show_class_shares,
    show_confidence,
    show_confusion,
    show_curves,
    show_images,
    show_lines,
    show_maps,
    show_overlay,
    show_predictions,
    show_receptive_fields,
    show_reliability,
)
from segkit.training.history import History
from segkit.transfer.figures import draw_fcn, draw_transfer

# Machado, Oliveira & Fernandes 2009: how linear RGB looks without the cones for long, medium or short waves.
COLOUR_VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ_FROM_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(color, vision):
    """CIELAB of a colour as somebody with this vision sees it: distances of 10 and more are seen without comparing."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = XYZ_FROM_RGB @ np.clip(np.array(COLOUR_VISION[vision]) @ linear, 0, 1) / (0.9505, 1.0, 1.089)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def image(height=20, width=30, seed=0):
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def labels(height=5, width=6, seed=0, classes=4):
    return torch.randint(0, classes, (height, width), generator=torch.Generator().manual_seed(seed))


def history(name="run", epochs=3, steps_per_epoch=4):
    steps = epochs * steps_per_epoch
    return History(
        folder=name,
        steps=list(range(steps)),
        train_loss=[1 / (step + 1) for step in range(steps)],
        learning_rate=[1 - step / steps for step in range(steps)],
        epochs=list(range(1, epochs + 1)),
        epoch_steps=[epoch * steps_per_epoch - 1 for epoch in range(1, epochs + 1)],
        val_loss=[0.5] * epochs,
        val_mean_iou=[0.1, 0.4, 0.3][:epochs],
        epoch_train_loss=[0.6] * epochs,
    )


def probabilities(height=5, width=6, classes=4, seed=0):
    return torch.randn(classes, height, width, generator=torch.Generator().manual_seed(seed)).softmax(dim=0)


def words(figure):
    """Everything that is written in a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def ladder():
    """Two rungs, one of them with two seeds."""
    low = Step("low", "from scratch", True, {0: Measured(0.3, 60.0, 0.02), 1: Measured(0.32, 60.0, 0.02)})
    return Ladder((low, Step("looks", "more looks", False, {0: Measured(0.35, 60.0, 0.1)})))


def every_figure():
    return {
        "images": lambda: show_images([image(), image(seed=1)]),
        "overlay": lambda: show_overlay([image()], [labels()]),
        "predictions": lambda: show_predictions([image()], [labels()], [labels(seed=1)], errors=True),
        "curves": lambda: show_curves(history()),
        "confusion": lambda: show_confusion(torch.arange(16).reshape(4, 4)),
        "class shares": lambda: show_class_shares(torch.tensor([0.7, 0.2, 0.05, 0.05])),
        "class iou": lambda: show_class_iou(torch.tensor([0.7, 0.2, math.nan, 0.5])),
        "lines": lambda: show_lines([1, 2, 4], {"a": [1, 2, 3], "b": [3, 2, 1]}, x_label="R", y_label="ms", log_x=True),
        "maps": lambda: show_maps([torch.rand(4, 5), torch.rand(4, 5)], titles=["a", "b"], label="accuracy"),
        "confidence": lambda: show_confidence([image()], [labels()], [labels(seed=1)], [torch.rand(5, 6)]),
        "reliability": lambda: show_reliability(reliability(probabilities(), labels())),
        "attention": lambda: show_attention(image(), (3, 4), [torch.rand(2, 3)] * 4, titles=list("abcd")),
        "receptive fields": lambda: show_receptive_fields({"a": [torch.rand(9, 9)] * 2, "b": [torch.rand(9, 9)]}),
        "segformer": draw_segformer,
        "patches": lambda: draw_patches(7, 4, 3),
        "attention reduction": lambda: draw_attention_reduction(16, 24, 8),
        "fcn": draw_fcn,
        "transfer": draw_transfer,
        "auxiliary head": draw_auxiliary_head,
        "kept pixels": lambda: show_kept_pixels(
            image(5, 6), torch.zeros(5, 6), torch.arange(30).reshape(5, 6) / 30, torch.arange(30).reshape(5, 6) < 12
        ),
        "comparison": lambda: show_comparison([Compared("a", 1, 2, 15 * 10**9, 0.5, 3.0)]),
        "looks": lambda: draw_looks(96, 312),
        "ladder": lambda: show_ladder(ladder()),
        "front": lambda: show_front({"a": (15, 0.5), "b": (50, 0.6), "c": (70, 0.4)}, [True, True, False]),
    }


@pytest.mark.parametrize("name", every_figure())
def test_every_figure_is_drawn_and_shown_as_a_picture(name, tmp_path):
    before = dict(matplotlib.rcParams)
    figure = every_figure()[name]()
    assert isinstance(figure, Figure)
    data, metadata = figure._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == figure.alt == data["text/plain"]
    assert re.fullmatch(r'<img alt="[^"<>]{20,}" src="data:image/png;base64,[^"<>]+">', data["text/html"])
    figure.savefig(tmp_path / "figure.pdf")
    assert dict(matplotlib.rcParams) == before


def test_figures_need_no_pyplot():
    """pyplot would open windows, show figures twice and keep them all."""
    code = "import sys, segkit.plots, segkit.figures as f; f.draw_patches(3, 2, 1)._repr_mimebundle_(); "
    code += "print('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


# ---- in words


SAID = {
    "looks": "scale 0.75 it is 64 × 224, scale 1 it is 96 × 320",
    "ladder": "more looks 0.350, +0.050; no training, 100 ms a picture",
    "images": "2 images side by side",
    "overlay": "image 1: vehicle 30%, background 27%, plant 27%, person/animal 17%",
    "predictions": "image 1: truth vehicle 30%",
    "curves": "3 epochs; training loss from 0.6 at 1 to 0.6 at 3",
    "confusion": "plant: 31.8% vehicle, 27.3% person/animal, 22.7% plant, 18.2% background",
    "class shares": "background 70.0%, plant 20.0%, person/animal 5.0%, vehicle 5.0%",
    "class iou": "background 0.700, plant 0.200, person/animal absent, vehicle 0.500",
    "lines": "2 lines of ms over R: a from 1 at 1 to 3 at 4; b from 3 at 1 to 1 at 4",
    "maps": "2 maps of accuracy as colours: a 0.",
    "confidence": "image 1: prediction background 33%",
    "reliability": "calibration error 0.",
    "attention": "row 3, column 4 of an image attends to",
    "receptive fields": "a: stage 1 ",
    "segformer": "2, 2, 2, 2 blocks with 1, 2, 5, 8 heads and reductions 8, 4, 2, 1",
    "patches": "3 × 3 patches of 7 × 7, one every 4 pixels: neighbours share 3 of 7 columns",
    "fcn": "maps of 16 × 16 × 256, 8 × 8 × 512, 8 × 8 × 1024, 8 × 8 × 2048; the last two are dilated",
    "transfer": "Frozen: it is copied and stays as it is. Each has a new head of 3 classes",
    "auxiliary head": "The map of stage 3 also goes to an auxiliary head, whose logits have the same kind of loss",
    "kept pixels": "40% of 30 labelled pixels are kept; their mean probability is 0.18, that of the others 0.68",
    "comparison": "1 entry, mean IoU over multiply-adds per image of 375 x 1242. a 0.5 at 15 G.",
    "front": "On the Pareto front: a 0.5 at 15, b 0.6 at 50. Dominated: c",
    "attention reduction": "384 × 6 = 2304 entries, 1.6% of the 384 × 384",
}


@pytest.mark.parametrize("name", every_figure())
def test_every_figure_says_in_words_what_it_shows(name):
    alt = every_figure()[name]().alt
    assert SAID[name] in alt
    assert alt.endswith(".") and ".." not in alt and "  " not in alt and "nan" not in alt


def test_an_alternative_text_stays_short_for_many_images():
    alt = show_overlay([image()] * 40, [labels()] * 40).alt
    assert "image 8: " in alt and "image 9: " not in alt and "and 32 more" in alt


def test_a_figure_of_pyplot_is_shown_once_with_its_words():
    code = (
        "import matplotlib; matplotlib.use('agg'); import matplotlib.pyplot as plt; from segkit.plots import describe;"
    )
    code += "shown = describe(plt.figure(), 'a < b'); data, about = shown._repr_mimebundle_(); assert 'a &lt; b' in "
    code += "data['text/html']; print(plt.get_fignums(), about)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[] {'image/png': {'alt': 'a < b'}}", result.stderr


# ---- colours


@pytest.mark.parametrize("vision", COLOUR_VISION)
def test_colours_differ_for_every_kind_of_colour_vision(vision):
    for colors, least in (((*PALETTE[:4], IGNORE_COLOR), 30), ((*PALETTE, IGNORE_COLOR), 15), (LINE_COLORS, 15)):
        for one, other in combinations(colors, 2):
            distance = np.linalg.norm(lab(one, vision) - lab(other, vision))
            assert distance > least, f"{one} and {other} look alike: {distance:.1f}"


def test_colorize_gives_every_label_its_colour():
    colors = colorize(torch.tensor([[0, 1], [3, 255]]))
    expected = [[PALETTE[0], PALETTE[1]], [PALETTE[3], IGNORE_COLOR]]
    assert colors.dtype == np.uint8
    assert (colors == [[[round(255 * part) for part in to_rgb(color)] for color in row] for row in expected]).all()


@pytest.mark.parametrize("label", [8, -1, 254])
def test_a_label_without_a_colour_is_named(label):
    with pytest.raises(CourseError, match=f"There is a label {label}: labels are 0 to 7, and 255"):
        colorize(torch.tensor([[0, label]]))


def test_overlay_covers_all_but_class_0():
    picture = torch.full((3, 4, 4), 255, dtype=torch.uint8)
    covered = overlay(picture, torch.tensor([[0, 1], [0, 1]]), alpha=1.0)
    assert (covered[:, :2] == 1).all()  # the image, and the white outline beside it
    assert covered[:, 2:] == pytest.approx(np.broadcast_to(to_rgb(PALETTE[1]), (4, 2, 3)), abs=0.01)


@pytest.mark.parametrize("normalised", [False, True])
def test_normalised_images_look_like_raw_ones(normalised):
    raw = image(16, 16)
    shown = prepare_image(raw, (16, 16)) if normalised else raw / 255
    assert overlay(shown, torch.zeros(4, 4)) == pytest.approx(raw.permute(1, 2, 0).numpy() / 255, abs=1e-5)


# ---- predictions


def test_predictions_have_a_row_per_image_and_a_legend_of_all_classes():
    target = labels()
    target[0, 0] = 255
    figure = show_predictions(
        [image(), image(30, 20)], [target, labels()], [labels(20, 30), labels(30, 20)], titles=["first", "second"]
    )
    assert len(figure.axes) == 6
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["background", "plant", "person/animal", "vehicle", "ignored"]
    assert {"image", "truth", "prediction", "first", "second"} <= set(words(figure).split("\n"))


def test_truth_alone_can_be_shown():
    figure = show_predictions(torch.stack([image(), image()]), torch.stack([labels(), labels()]))
    assert len(figure.axes) == 4
    assert "ignored" not in words(figure)


def test_a_label_map_covers_its_image():
    figure = show_predictions([image(20, 30)], [labels(5, 6)])
    assert {tuple(axis.images[0].get_extent()) for axis in figure.axes} == {(0, 30, 20, 0)}


def test_errors_are_counted_without_ignored_pixels():
    target = torch.tensor([[0, 1], [2, 255]])
    figure = show_predictions([image()], [target], [torch.tensor([[0, 1], [0, 3]])], errors=True)
    assert "33.3% wrong" in words(figure)
    shown = figure.axes[3].images[0].get_array()
    assert (shown[1, 1] == 255).all() and (shown[1, 0] != shown[0, 0]).any()


def test_wrong_numbers_of_pictures_and_names_are_named():
    with pytest.raises(CourseError, match="2 image, 1 truth"):
        show_predictions([image(), image()], [labels()])
    with pytest.raises(CourseError, match="at least one, but there are 0 images, 0 labels"):
        show_overlay([], [])
    with pytest.raises(CourseError, match="There is a label 3, but class_names has 2 names"):
        show_predictions([image()], [labels()], class_names=("a", "b"))
    with pytest.raises(CourseError, match=r"shape \(3, height, width\), but this one has \(20, 30, 3\)"):
        show_images([image().permute(1, 2, 0)])


# ---- numbers


def test_curves_show_the_best_epoch():
    assert "best 0.400, epoch 2" in words(show_curves(history()))
    compared = show_curves({"ratio 1": history(), "ratio 8": history()})
    assert {"ratio 1, training", "ratio 8, validation"} <= set(words(compared).split("\n"))


def test_there_are_no_curves_before_the_first_epoch():
    with pytest.raises(CourseError, match="no curves to show yet"):
        show_curves(History(folder="run"))


def test_confusion_shows_shares_of_the_truth_and_a_dash_for_an_absent_class():
    confusion = torch.tensor([[3_000_000, 1_000_000], [0, 0]])
    text = words(show_confusion(confusion, ("plant", "vehicle"))).split("\n")
    assert {"75.0%", "3.0M", "25.0%", "1.0M"} <= set(text)
    assert text.count("–") == 2
    with pytest.raises(CourseError, match=r"shape \(2, 2\) for 4 class names"):
        show_confusion(confusion)


def test_bars_name_what_is_absent_and_what_is_missing():
    assert {"0.700", "absent", "mean 0.600"} <= set(
        words(show_class_iou(torch.tensor([0.7, math.nan, 0.6, 0.5]))).split("\n")
    )
    shares = {"training": torch.tensor([0.5, 0.3, 0.1, 0.1]), "validation": torch.tensor([0.4, 0.4, 0.1, 0.1])}
    assert {"50.0%", "training", "validation"} <= set(words(show_class_shares(shares)).split("\n"))
    with pytest.raises(CourseError, match=r"There are 3 values .*for 4 class names"):
        show_class_iou(torch.zeros(3))


def test_maps_share_one_scale():
    figure = show_maps([torch.zeros(2, 2), torch.full((2, 2), 3.0)])
    assert {axis.images[0].get_clim() for axis in figure.axes[:2]} == {(0.0, 3.0)}


def test_shares_stand_beside_the_ious():
    text = words(show_class_iou(torch.tensor([0.7, 0.3, 0.6, 0.5]), shares=torch.tensor([0.6, 0.2, 0.1, 0.1])))
    assert {"0.700", "mean 0.525", "60.0%", "share of the pixels"} <= set(text.split("\n"))


# ---- what a model is sure of, looks at, sees


def test_confidence_is_shown_from_chance_to_certainty():
    target = torch.tensor([[0, 1], [2, 255]])
    sure = torch.tensor([[0.25, 0.75], [1.0, 0.5]])
    figure = show_confidence([image()], [target], [torch.tensor([[0, 1], [0, 3]])], [sure], titles=["first"])
    shown = figure.axes[3].images[0]
    assert (np.asarray(shown.get_array()) == sure.numpy()).all() and shown.get_clim() == (0.25, 1)
    assert {"33.3% wrong", "62% on average", "first", "wrong", "probability of the predicted class"} <= set(
        words(figure).split("\n")
    )
    with pytest.raises(CourseError, match="1 images, 1 targets, 1 predictions, 2 confidences"):
        show_confidence([image()], [target], [target], [sure, sure])


def test_reliability_leaves_empty_bins_out():
    half = torch.tensor([[[0.9, 0.9], [0.6, 0.6]], [[0.1, 0.1], [0.4, 0.4]]])
    figure = show_reliability(reliability(half, torch.tensor([[0, 1], [0, 0]]), bins=4))
    (_, model) = figure.axes[0].lines
    assert model.get_xydata() == pytest.approx(np.array([[0.6, 1.0], [0.9, 0.5]]))
    assert [bar.get_height() for bar in figure.axes[1].patches] == [0, 0, 0.5, 0.5]
    assert "calibration error 0.400" in words(figure)


def test_attention_lies_over_the_image_and_counts_keys():
    weights = torch.tensor([[0.5, 0.2, 0.1], [0.1, 0.05, 0.05]])
    figure = show_attention(image(20, 30), (3, 4), [weights, torch.full((4, 6), 1 / 24)], titles=["one", "all alike"])
    assert {"half of it on 1 of 6 keys", "half of it on 12 of 24 keys", "all alike"} <= set(words(figure).split("\n"))
    for axis in figure.axes:
        assert {tuple(picture.get_extent()) for picture in axis.images} == {(0, 30, 20, 0)}
        assert all(line.get_xydata().tolist() == [[4.5, 3.5]] for line in axis.lines) and axis.lines


def test_receptive_fields_share_one_scale_and_tell_their_area():
    spot = torch.zeros(10, 10)
    spot[4, 4] = 1
    figure = show_receptive_fields({"near": [spot], "far": [torch.ones(10, 10)]})
    assert {"95% on 1.0%", "95% on 95.0%", "near", "far", "stage 1"} <= set(words(figure).split("\n"))
    assert {axis.images[0].get_clim() for axis in figure.axes[:2]} == {(-4, 0)}


# ---- drawings


def test_segformer_drawing_follows_its_arguments():
    text = words(draw_segformer((64, 128, 320, 512), (3, 4, 6, 3), embed_channels=768, num_classes=150))
    for expected in ("H/16 × W/16 × 320", "6 blocks", "linear  512 → 768", "fuse  3072 → 768", "H/4 × W/4 × 150"):
        assert expected in text
    with pytest.raises(CourseError, match=r"channels=\(32, 64\) must have four numbers"):
        draw_segformer((32, 64))


def test_transfer_drawings_follow_their_arguments():
    text = words(draw_fcn(side=128, num_classes=7))
    for expected in ("32 × 32 × 256", "16 × 16 × 2048", "1×1 → 7", "128 × 128 × 7"):
        assert expected in text
    text = words(draw_transfer("backbone", (19, 4)))
    assert "19 classes" in text and "4 classes, new, trained" in text and "backbone" in text


@pytest.fixture(scope="module")
def segformer():
    return draw_segformer()


@pytest.mark.parametrize("vision", COLOUR_VISION)
def test_text_in_the_drawing_can_be_read(vision, segformer):
    """Black on pale: the boxes are told apart by their words, so the words must have contrast."""
    for text in segformer.findobj(matplotlib.text.Text):
        assert lab(text.get_color(), vision)[0] < 52 and text.get_fontsize() >= 7
    assert lab(LOOK["text.color"], vision)[0] < 20


def test_no_text_in_the_drawing_leaves_its_box(segformer):
    segformer.draw_without_rendering()
    (axis,) = segformer.axes
    boxes = [patch.get_window_extent() for patch in axis.patches if type(patch).__name__ == "FancyBboxPatch"]
    for text in axis.texts:
        extent = text.get_window_extent()
        assert axis.get_window_extent().expanded(1.01, 1.01).containsx(extent.x1), text.get_text()
        around = [box for box in boxes if box.contains(*((extent.min + extent.max) / 2))]
        assert not around or any(box.x0 < extent.x0 and extent.x1 < box.x1 for box in around), text.get_text()


@pytest.mark.parametrize(
    "patch_size, stride, padding, count, shared",
    [(7, 4, 3, 3, "neighbours share 3 of 7 columns"), (4, 4, 0, 3, "neighbours share nothing"), (3, 2, 1, 6, "1 of 3")],
)
def test_patches_are_counted_as_a_convolution_counts(patch_size, stride, padding, count, shared):
    text = words(draw_patches(patch_size, stride, padding))
    convolved = torch.nn.functional.conv2d(
        torch.zeros(1, 1, 12, 12), torch.zeros(1, 1, patch_size, patch_size), None, stride, padding
    )
    assert convolved.shape[-1] == count
    assert f"12 × 12 pixels become {count} × {count} patches" in text and shared in text


def test_patches_that_do_not_fit_are_refused():
    with pytest.raises(CourseError, match="Patches of 9 with stride 1 and padding 0 do not fit on a map of 8"):
        draw_patches(9, 1, 0, size=8)


def test_reduction_counts_queries_keys_and_scores():
    text = words(draw_attention_reduction(16, 24, 8))
    for expected in ("16 × 24 = 384 queries", "2 × 3 = 6 keys and values", "384 × 6 = 2 304", "1.6% of the 384 × 384"):
        assert expected in text
    assert "every pixel is a key of its own" in words(draw_attention_reduction(3, 4, 1))
    with pytest.raises(CourseError, match="A map of 4 x 9 has no block of 5 x 5"):
        draw_attention_reduction(4, 9, 5)
