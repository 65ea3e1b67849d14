"""Drawings for the transfer assignment: FCN-ResNet50, and what is carried from one model to another."""

from matplotlib.figure import Figure

from segkit.canvas import BLUE, GREEN, GREY, LIGHT_GREY, ORANGE, SKY, in_our_look, new_canvas
from segkit.figure_parts import PALE_BLUE, PALE_GREEN, PALE_GREY, PALE_ORANGE, PALE_PURPLE, arrow, box, feature_map

_STRIDES, _CHANNELS = (4, 8, 8, 8), (256, 512, 1024, 2048)  # of ResNet-50's four groups in torchvision's FCN


@in_our_look
def draw_fcn(side: int = 64, num_classes: int = 3) -> Figure:
    """FCN-ResNet50 for an image of `side` x `side` pixels, as torchvision builds it.

    Long et al. 2015 (arXiv 1411.4038), on a ResNet-50 (He et al. 2016, arXiv 1512.03385) whose last two groups are
    dilated instead of made smaller.
    """
    figure, (axis,) = new_canvas(10.4, 4.3)
    axis.set(xlim=(0, 104), ylim=(3, 45), aspect="equal")
    axis.set_axis_off()
    feature_map(axis, 6, 34, 9, 0.8, cells=16, color=LIGHT_GREY)
    axis.text(6, 27.2, f"image\n{side} × {side} × 3", ha="center", va="top")
    left = 12.3
    for group, x in enumerate((24, 43, 62, 81)):
        size, depth = (6.4, 4.6, 4.6, 4.6)[group], (1.2, 1.8, 2.6, 3.6)[group]
        words = (
            "7×7, stride 2; pooling;\n3 blocks",
            "4 blocks, stride 2",
            "6 blocks, dilation 2",
            "3 blocks, dilation 4",
        )
        box(axis, x, 40.5, 16, 6.6, words[group], PALE_BLUE, title=f"group {group + 1}")
        arrow(axis, (left, 40.5 if group else 35), (x - 8, 40.5), bend=None if group else (left, 40.5))
        feature_map(axis, x, 31, size, depth, cells=side // _STRIDES[group] // 2, color=SKY)
        arrow(axis, (x, 37.2), (x, 31 + size / 2 + 0.55 * depth))
        at = side // _STRIDES[group]
        axis.text(x, 26.4, f"{at} × {at} × {_CHANNELS[group]}", ha="center", va="top")
        left = x + 8
    _draw_heads(axis, side, num_classes)
    axis.text(2, 8.5, "backbone: learned on\nImageNet, or from nothing", color=BLUE, va="center")
    figure.alt = _fcn_in_words(side, num_classes)
    return figure


def _fcn_in_words(side: int, num_classes: int) -> str:
    groups = zip(_STRIDES, _CHANNELS, strict=True)
    sizes = ", ".join(f"{side // stride} × {side // stride} × {channels}" for stride, channels in groups)
    return (
        f"FCN-ResNet50. An image of {side} × {side} × 3 passes the backbone's four groups of blocks, which leave maps "
        f"of {sizes}; the last two are dilated by 2 and by 4 and no smaller. The classifier, 3×3 to 512 channels with "
        f"BatchNorm and ReLU, then 1×1, makes {num_classes} logits, upsampled to {side} × {side}. An auxiliary "
        "classifier, if there is one, looks at the third group in training."
    )


def _draw_heads(axis, side: int, num_classes: int):
    arrow(axis, (56, 23.8), (56, 20))
    box(axis, 52, 17.5, 16, 4.6, "aux_classifier, if there\nis one: only in training", PALE_GREY, size=7.5)
    arrow(axis, (81, 23.8), (81, 20.9))
    words = f"3×3 → 512, BatchNorm, ReLU\n1×1 → {num_classes}"
    box(axis, 81, 17.5, 25, 6.6, words, PALE_GREEN, title="classifier")
    arrow(axis, (81, 14.1), (81, 9.4))
    feature_map(axis, 81, 6.6, 4, 0.4, cells=8, color=GREEN)
    axis.text(85.4, 6.6, f"logits, upsampled\nto {side} × {side} × {num_classes}", va="center")


@in_our_look
def draw_transfer(encoder: str = "encoder", classes: tuple[int, int] = (19, 3)) -> Figure:
    """Pre-training and three ways to go on: what is copied, what is new, what is trained."""
    figure, (axis,) = new_canvas(10.4, 4.2)
    axis.set(xlim=(0, 104), ylim=(0, 42), aspect="equal")
    axis.set_axis_off()
    box(axis, 13, 30, 20, 6, "trained on Cityscapes", PALE_BLUE, title=encoder)
    box(axis, 13, 21, 20, 6, f"{classes[0]} classes", PALE_PURPLE, title="head")
    axis.text(13, 36.5, "pre-training", ha="center", fontweight="bold")
    axis.text(13, 14.5, "stays behind", ha="center", color=GREY)
    columns = (
        (46, "from scratch", "random, trained", PALE_GREY),
        (69, "fine-tuned", "copied, trained on", PALE_ORANGE),
        (92, "frozen", "copied, stays as it is", PALE_BLUE),
    )
    for x, title, words, color in columns:
        axis.text(x, 36.5, title, ha="center", fontweight="bold")
        box(axis, x, 30, 20, 6, words, color, title=encoder)
        box(axis, x, 21, 20, 6, f"{classes[1]} classes, new, trained", PALE_GREEN, title="head")
        axis.text(x, 14.5, "pets, the same split,\nseed and metric", ha="center", va="center", color=GREY)
    _draw_copies(axis)
    figure.alt = (
        f"Pre-training, and three models of pets beside it. The {encoder} is trained on Cityscapes under a head of "
        f"{classes[0]} classes, which stays behind. From scratch: the {encoder} is random and trained. Fine-tuned: it "
        f"is copied and trained on. Frozen: it is copied and stays as it is. Each has a new head of {classes[1]} "
        "classes that is trained, with the same split, seed and metric."
    )
    return figure


def _draw_copies(axis):
    """One line from the encoder, along the lower edge, up to the two models that get its weights."""
    axis.plot([2, 2, 80.5], [30, 8, 8], color=ORANGE, lw=1.4)
    axis.plot([2, 3], [30, 30], color=ORANGE, lw=1.4)
    for x in (57.5, 80.5):
        axis.plot([x, x], [8, 30], color=ORANGE, lw=1.4)
        axis.annotate("", (x + 1.5, 30), (x, 30), arrowprops={"arrowstyle": "-|>", "color": ORANGE})
    axis.text(30, 5.5, "load_encoder: weights and running statistics", ha="center", color=GREY)
