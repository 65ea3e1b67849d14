"""Drawings for the training tricks of the competition: an auxiliary head, and the pixels that a loss keeps."""

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from segkit.canvas import BLUE, GREEN, GREY, LIGHT_GREY, SKY, VERMILLION, in_our_look, new_canvas
from segkit.data import IGNORE
from segkit.figure_parts import PALE_BLUE, PALE_GREEN, PALE_GREY, PALE_ORANGE, arrow, box, feature_map
from segkit.plots.arrays import as_array, as_picture
from segkit.plots.words import sentences

_STAGES = 4


@in_our_look
def draw_auxiliary_head(stage: int = 3, weight: float = 0.4) -> Figure:
    """SegFormer with a second head on the map of a stage, as Zhao et al. 2017 (arXiv 1612.01105) have it on a ResNet.

    Args:
        stage: from 1 to 4, whose map the second head gets.
        weight: of its loss.
    """
    figure, (axis,) = new_canvas(10.4, 3.9)
    axis.set(xlim=(0, 104), ylim=(1, 40), aspect="equal")
    axis.set_axis_off()
    feature_map(axis, 6, 33, 7, 0.8, cells=8, color=LIGHT_GREY)
    axis.text(6, 27.6, "image", ha="center", va="top")
    left = 11.5
    for number in range(1, _STAGES + 1):
        x = 5.5 + 14.5 * number
        box(axis, x, 33, 10, 5, f"stage {number}", PALE_BLUE, size=9)
        arrow(axis, (left, 33), (x - 5, 33))
        left = x + 5
    box(axis, 80, 33, 11, 5, "decoder", PALE_GREEN, size=9)
    arrow(axis, (left, 33), (74.5, 33))
    box(axis, 97, 33, 10, 5, "loss", PALE_ORANGE, size=9)
    arrow(axis, (85.5, 33), (92, 33))
    _draw_second_head(axis, 5.5 + 14.5 * stage, weight)
    _draw_ways_back(axis, 5.5 + 14.5 * stage)
    figure.alt = (
        f"SegFormer in training. An image passes stages 1 to {_STAGES} and a decoder, whose logits have a loss. The "
        f"map of stage {stage} also goes to an auxiliary head, whose logits have the same kind of loss, times "
        f"{weight:g}; after the training it is thrown away. The gradient of the main loss comes back through decoder "
        "and all stages, that of the auxiliary loss reaches the early stages by the shorter way through its head."
    )
    return figure


def _draw_second_head(axis, x: float, weight: float):
    """From the stage at `x` down to a head, and on to its loss and the sum of both."""
    arrow(axis, (x, 30.5), (x, 25.9))
    feature_map(axis, x, 22.5, 4.6, 2.2, cells=4, color=SKY)
    arrow(axis, (x, 19.6), (x, 14))
    box(axis, x, 10.5, 19, 7, "3×3, BatchNorm, ReLU,\n1×1", PALE_GREY, title="auxiliary head")
    axis.text(x, 5.6, "in training only", ha="center", va="center", color=GREY)
    box(axis, 80, 10.5, 11, 5, "loss", PALE_ORANGE, size=9)
    arrow(axis, (x + 9.5, 10.5), (74.5, 10.5))
    arrow(axis, (85.5, 10.5), (97, 30.5), bend=(97, 10.5))
    axis.text(96, 18, f"× {weight:g}", ha="right", va="center", fontweight="bold")


def _draw_ways_back(axis, x: float):
    """The ways that both gradients take to the early stages."""
    look = {"lw": 1.4, "linestyle": (0, (4, 2))}
    axis.annotate("", (15, 37.6), (92, 37.6), arrowprops={"arrowstyle": "-|>", "color": VERMILLION, **look})
    axis.text(53, 38.9, "gradient of the main loss", ha="center", va="center", color=VERMILLION)
    axis.plot([x - 11.5, 26, 26], [10.5, 10.5, 24], color=BLUE, **look)
    axis.annotate("", (26, 29.5), (26, 23), arrowprops={"arrowstyle": "-|>", "color": BLUE, **look})
    axis.text(24.5, 18, "gradient of the\nauxiliary loss", ha="right", va="center", color=BLUE)


@in_our_look
def show_kept_pixels(image: Tensor, target: Tensor, probability: Tensor, kept: Tensor) -> Figure:
    """An image, how probable each pixel's true class is, and which pixels a loss keeps.

    Args:
        image: (3, H, W), as in `segkit.plots.show_images`.
        target: labels (H, W), 255 where ignored: these pixels are left grey.
        probability: of the true class, (H, W), from 0 to 1.
        kept: bool (H, W).
    """
    picture, labelled = as_picture(image), as_array(target) != IGNORE
    probability, kept = as_array(probability).astype(float), as_array(kept).astype(bool) & labelled
    probability[~labelled] = float("nan")
    height = 2.9 * picture.shape[0] / picture.shape[1] + 0.6
    figure, axes = new_canvas(10.4, height, 1, 3)
    for axis in axes:
        axis.set(xticks=[], yticks=[], facecolor=LIGHT_GREY)
    axes[0].imshow(picture)
    axes[0].set_title("image")
    drawn = axes[1].imshow(probability, cmap="cividis", vmin=0, vmax=1)
    axes[1].set_title("probability of the true class")
    figure.colorbar(drawn, ax=axes[1], shrink=0.8)
    axes[2].imshow(picture.mean(axis=2) * 0.5 + 0.25, cmap="gray", vmin=0, vmax=1)
    shown = kept[..., None] * [*to_rgb(GREEN), 0.85]
    axes[2].imshow(shown)
    share = kept.sum() / max(labelled.sum(), 1)
    axes[2].set_title(f"kept (green): {share:.0%} of the labelled pixels")
    figure.alt = sentences(
        "An image, the probability of each pixel's true class, and the pixels that the loss keeps",
        f"{share:.0%} of {labelled.sum()} labelled pixels are kept; their mean probability is "
        f"{_mean(probability[kept])}, that of the others {_mean(probability[labelled & ~kept])}",
    )
    return figure


def _mean(numbers) -> str:
    return f"{numbers.mean():.2f}" if numbers.size else "unknown"
