"""Drawings of what the notebooks explain: the architecture, patches that overlap, attention over fewer keys.

Every `draw_...` function returns its figure. Sizes and channels in a drawing come from its arguments, and no colour
carries a meaning that is not also written. After Xie et al. 2021, arXiv 2105.15203 (figure 2, equations 1 to 4).
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Rectangle

from segkit.canvas import BLUE, GREEN, GREY, INK, LIGHT_GREY, ORANGE, PURPLE, SKY, VERMILLION, in_our_look, new_canvas
from segkit.errors import CourseError
from segkit.figure_parts import PALE_BLUE, PALE_GREEN, PALE_GREY, PALE_ORANGE, PALE_PURPLE, arrow, box, feature_map

__all__ = ["draw_attention_reduction", "draw_patches", "draw_segformer"]

STAGE_X = (29, 49.5, 70, 90.5)  # centre of each stage's column, of 100
STRIDES = (4, 8, 16, 32)


# ---- the architecture


@in_our_look
def draw_segformer(
    channels=(32, 64, 160, 256),
    n_layers=(2, 2, 2, 2),
    reduction_ratios=(8, 4, 2, 1),
    num_heads=(1, 2, 5, 8),
    embed_channels: int = 256,
    num_classes: int = 4,
) -> Figure:
    """SegFormer on one page: four encoder stages, the MLP decoder, and what happens inside a stage.

    Args:
        channels, n_layers, reduction_ratios, num_heads: four numbers each, stage 1 first.
        embed_channels: channels of every level in the decoder.
        num_classes: channels of the logits.

    Raises:
        CourseError: if there are not four numbers for four stages.
    """
    for name, values in (("channels", channels), ("n_layers", n_layers), ("num_heads", num_heads)):
        _require_four(name, values)
    _require_four("reduction_ratios", reduction_ratios)
    figure, (axis,) = new_canvas(10.4, 9.6)
    axis.set(xlim=(0, 100), ylim=(0, 92.3), aspect="equal")
    axis.set_axis_off()
    _panel(axis, 61.5, 92, "encoder", "Mix Transformer: four stages", BLUE)
    _panel(axis, 32.5, 60.5, "decoder", "nothing larger than 1 × 1", PURPLE)
    _panel(axis, 0.3, 31.5, "inside a stage", "", ORANGE)
    _draw_encoder(axis, channels, n_layers, reduction_ratios, num_heads)
    _draw_decoder(axis, channels, embed_channels, num_classes)
    _draw_stage(axis)
    _draw_attention(axis)
    _draw_ffn(axis)
    figure.alt = _segformer_in_words(channels, n_layers, reduction_ratios, num_heads, embed_channels, num_classes)
    return figure


def _segformer_in_words(channels, n_layers, reduction_ratios, num_heads, embed_channels, num_classes) -> str:
    return (
        "SegFormer. Four encoder stages, each of the map before it: patches that overlap, then "
        f"{_row(n_layers)} blocks with {_row(num_heads)} heads and reductions {_row(reduction_ratios)} make maps of "
        f"{_row(channels)} channels at 1/4, 1/8, 1/16 and 1/32 of the image's size. "
        f"The decoder takes each map to {embed_channels} channels with a linear layer, enlarges it to 1/4, "
        "concatenates the four, fuses them with a 1×1 convolution, BatchNorm and ReLU, and makes "
        f"{num_classes} logits of each position. "
        "A block: LayerNorm and efficient attention with a residual, LayerNorm and Mix-FFN with a residual. "
        "Efficient attention takes keys and values from a map that a convolution R×R with stride R and a LayerNorm "
        "have made smaller; Mix-FFN is linear to 4C, depthwise convolution 3×3, GELU, linear to C."
    )


def _row(numbers) -> str:
    return ", ".join(map(str, numbers))


def _require_four(name: str, values):
    if len(values) != 4:
        raise CourseError(f"{name}={tuple(values)} must have four numbers, one for each stage of the encoder.")


def _draw_encoder(axis, channels, n_layers, reduction_ratios, num_heads):
    feature_map(axis, 8.4, 79.6, 9.6, 0.8, cells=16, color=LIGHT_GREY)
    axis.text(8.4, 73.2, "image\nH × W × 3", ha="center", va="top")
    axis.text(2.2, 65.8, "R: keys and values come\nfrom a grid R times coarser", va="center", color=GREY, fontsize=8)
    left = 14.8
    for stage, x in enumerate(STAGE_X):
        patch, stride = (7, 4) if stage == 0 else (3, 2)
        layers, heads = n_layers[stage], num_heads[stage]
        text = (
            f"patches {patch}×{patch}, stride {stride}\n{layers} block{'s' * (layers > 1)}\n"
            f"{heads} head{'s' * (heads > 1)},  R = {reduction_ratios[stage]}"
        )
        box(axis, x, 83, 15.6, 8.8, text, PALE_BLUE, title=f"stage {stage + 1}")
        arrow(axis, (left, 83), (x - 7.8, 83))
        left = x + 7.8
        size, depth = (8.0, 6.2, 4.6, 3.2)[stage], (0.8, 1.4, 2.6, 4.0)[stage]
        feature_map(axis, x, 71.4, size, depth, cells=(8, 4, 2, 1)[stage], color=SKY)
        arrow(axis, (x, 78.6), (x, 71.4 + size / 2 + 0.55 * depth))
        axis.text(x, 66.6, f"H/{STRIDES[stage]} × W/{STRIDES[stage]} × {channels[stage]}", ha="center", va="top")


def _draw_decoder(axis, channels, embed, num_classes):
    for stage, x in enumerate(STAGE_X):
        arrow(axis, (x, 64.6), (x, 57.6))
        box(axis, x, 55.6, 15.6, 4, f"linear  {channels[stage]} → {embed}", PALE_PURPLE)
        arrow(axis, (x, 53.6), (x, 51.6))
        factor = STRIDES[stage] // STRIDES[0]
        box(axis, x, 49.6, 15.6, 4, "keep the size" if factor == 1 else f"upsample × {factor}", PALE_GREY)
        arrow(axis, (x, 47.6), (x, 45.6))
    axis.text(3, 49.6, "every level to\nH/4 × W/4\n(bilinear)", va="center", ha="left", color=GREY)
    axis.text(3, 43.6, "the four of them\nside by side", va="center", ha="left", color=GREY)
    left, right = STAGE_X[0] - 7.8, STAGE_X[-1] + 7.8
    box(axis, (left + right) / 2, 43.6, right - left, 4, f"concatenate:  H/4 × W/4 × {4 * embed}", PALE_GREY)
    arrow(axis, (STAGE_X[0], 41.6), (STAGE_X[0], 38.9))
    box(axis, STAGE_X[0], 36.4, 15.6, 5, f"fuse  {4 * embed} → {embed}\n1×1, BatchNorm, ReLU", PALE_PURPLE)
    arrow(axis, (STAGE_X[0] + 7.8, 36.4), (STAGE_X[1] - 7.8, 36.4))
    box(axis, STAGE_X[1], 36.4, 15.6, 5, f"classify  {embed} → {num_classes}\n1×1", PALE_PURPLE)
    arrow(axis, (STAGE_X[1] + 7.8, 36.4), (STAGE_X[2] - 5, 36.4))
    feature_map(axis, STAGE_X[2] - 1, 36.4, 5.2, 0.5, cells=8, color=GREEN)
    axis.text(STAGE_X[2] + 4, 36.4, f"logits\nH/4 × W/4 × {num_classes}", va="center")


def _draw_stage(axis):
    y = 24.5
    box(axis, 10.2, y, 16, 5.8, "convolution, LayerNorm", PALE_BLUE, title="patches that overlap")
    frame = {"boxstyle": "round,pad=0,rounding_size=0.8", "fill": False, "ec": GREY, "ls": "--"}
    axis.add_patch(FancyBboxPatch((20.4, 18.9), 62.8, 11.6, **frame))
    axis.text(82.6, 19.4, "one block, as many times as the stage has", ha="right", va="bottom", color=GREY, fontsize=8)
    arrow(axis, (18.2, y), (24.1, y))
    box(axis, 28.5, y, 8.8, 4, "LayerNorm", PALE_GREY)
    arrow(axis, (32.9, y), (34.9, y))
    box(axis, 42.3, y, 14.8, 4, "efficient attention", PALE_ORANGE)
    _plus(axis, 52.8, y, after=49.7, skip_from=22)
    arrow(axis, (53.9, y), (57.2, y))
    box(axis, 61.6, y, 8.8, 4, "LayerNorm", PALE_GREY)
    arrow(axis, (66, y), (68, y))
    box(axis, 71.9, y, 7.8, 4, "Mix-FFN", PALE_GREEN)
    _plus(axis, 78.9, y, after=75.8, skip_from=55.3)
    arrow(axis, (80, y), (85.4, y))
    box(axis, 89.8, y, 8.8, 4, "LayerNorm", PALE_GREY)
    arrow(axis, (94.2, y), (98.8, y))
    axis.text(98.8, 21.4, "to the decoder and\nthe next stage", ha="right", va="top", color=GREY, fontsize=8)


def _draw_attention(axis):
    _detail(axis, 1.4, 60.2, PALE_ORANGE, "efficient attention", (42.3, 22.5))
    axis.text(2.6, 9.2, "map\nH × W × C", ha="left", va="center")
    arrow(axis, (7.2, 11.2), (27, 12.6), bend=(7.2, 12.6))
    arrow(axis, (7.2, 7.2), (12.4, 5.8), bend=(7.2, 5.8))
    box(axis, 18.6, 5.8, 12.4, 4.6, "conv R×R, stride R,\nLayerNorm", "white", size=7.2)
    axis.text(18.6, 2.3, "leaves HW / R² positions", ha="center", va="center", fontsize=7.5)
    for text, y, source in (("Q", 12.6, None), ("K", 8.0, 6.6), ("V", 3.6, 5.0)):
        box(axis, 31.2, y, 8.4, 3, f"linear:  {text}", "white")
        if source is not None:
            arrow(axis, (24.8, source), (27, y), bend=(25.7, y))
        end = {"Q": 9.4, "K": 8.0, "V": 6.6}[text]
        arrow(axis, (35.4, y), (38.4, end), bend=None if end == y else (36.9, end))
    box(axis, 44.6, 8.0, 12.4, 6.6, "softmax(QKᵀ / √d) V\nin every head,\nd = C / heads", "white", size=7.2)
    arrow(axis, (50.8, 8.0), (52.8, 8.0))
    box(axis, 55.9, 8.0, 6.2, 3, "linear", "white")


def _draw_ffn(axis):
    _detail(axis, 62, 98.8, PALE_GREEN, "Mix-FFN", (71.9, 22.5))
    steps = [
        ("linear\nC → 4C", 66.7, 6.4),
        ("conv 3×3,\neach channel alone,\nzero padding", 78, 11.8),
        ("GELU", 88, 4.6),
    ]
    for text, x, width in steps:
        box(axis, x, 8, width, 6.6, text, "white", size=7.2)
        arrow(axis, (x + width / 2, 8), (x + width / 2 + 1.6, 8))
    box(axis, 94.6, 8, 5.4, 6.6, "linear\n4C → C", "white", size=7.2)


# ---- patches


@in_our_look
def draw_patches(patch_size: int, stride: int, padding: int, size: int = 12) -> Figure:
    """Which pixels the patches of a convolution see: some on a map of `size` x `size`, and all of those in a row.

    Raises:
        CourseError: if the patch does not fit, or a number is not positive (padding may be 0).
    """
    if min(patch_size, stride, size) < 1 or padding < 0 or patch_size > size + 2 * padding:
        raise CourseError(
            f"Patches of {patch_size} with stride {stride} and padding {padding} do not fit on a map of {size}: "
            "patch_size, stride and size must be at least 1, and the patch no larger than the padded map."
        )
    count = (size + 2 * padding - patch_size) // stride + 1
    figure, (grid, row) = new_canvas(9, 4.2, 1, 2, gridspec_kw={"width_ratios": (1, 1.15)})
    _draw_padded_grid(grid, size, padding)
    shown = [(0, 0), (0, 1), (1, 0)] if count > 1 else [(0, 0)]
    for (down, across), color in zip(shown, (BLUE, VERMILLION, GREEN), strict=False):
        corner = (across * stride - padding, down * stride - padding)
        grid.add_patch(Rectangle(corner, patch_size, patch_size, fc=color, alpha=0.25, zorder=3))
        grid.add_patch(Rectangle(corner, patch_size, patch_size, fill=False, ec=color, lw=2, zorder=4))
    grid.set_title(f"{size} × {size} pixels become {count} × {count} patches")
    _draw_patches_of_a_row(row, patch_size, stride, padding, size, count)
    shared = max(0, patch_size - stride)
    neighbours = f"neighbours share {shared} of {patch_size} columns" if shared else "neighbours share nothing"
    row.set_title(neighbours)
    figure.alt = (
        f"A map of {size} × {size} pixels with a border of {padding} zeros becomes {count} × {count} patches of "
        f"{patch_size} × {patch_size}, one every {stride} pixels: {neighbours}. Beside it the patches of one row: "
        f"the first sees columns {-padding} to {patch_size - padding - 1}."
    )
    return figure


def _draw_padded_grid(axis, size: int, padding: int):
    axis.set(xlim=(-padding - 0.3, size + padding + 0.3), ylim=(size + padding + 0.3, -padding - 0.3), aspect="equal")
    axis.set_axis_off()
    whole = size + 2 * padding
    axis.add_patch(Rectangle((-padding, -padding), whole, whole, fc="white", ec=GREY, hatch="////", lw=0, alpha=0.35))
    axis.add_patch(Rectangle((0, 0), size, size, fc=PALE_GREY, ec=INK, lw=1))
    for line in range(1, size):
        axis.plot([line, line], [0, size], color="white", lw=0.8)
        axis.plot([0, size], [line, line], color="white", lw=0.8)
    if padding:
        axis.text(size / 2, size + padding / 2, "padding: zeros", ha="center", va="center", fontsize=8, zorder=6)


def _draw_patches_of_a_row(axis, patch_size: int, stride: int, padding: int, size: int, count: int):
    """Every patch of one row of the map as a bar over the pixels that it sees, one below the other."""
    axis.set(xlim=(-padding - 0.3, size + padding + 0.3), ylim=(count + 0.6, -1.3))
    axis.set_axis_off()
    for pixel in range(-padding, size + padding):
        inside = 0 <= pixel < size
        look = {"fc": PALE_GREY} if inside else {"fc": "white", "hatch": "////", "alpha": 0.35}
        axis.add_patch(Rectangle((pixel, -1.1), 1, 0.7, ec=GREY, lw=0.6, **look))
        if inside:
            axis.text(pixel + 0.5, -0.75, str(pixel), ha="center", va="center", fontsize=7)
    for patch in range(count):
        left = patch * stride - padding
        color = (BLUE, VERMILLION, GREEN)[patch % 3] if patch < 2 else GREY
        axis.add_patch(Rectangle((left, patch + 0.12), patch_size, 0.76, fc=color, ec=color, alpha=0.25))
        axis.add_patch(Rectangle((left, patch + 0.12), patch_size, 0.76, fill=False, ec=color, lw=1.5))
        text = f"patch {patch}: {left} to {left + patch_size - 1}".replace("-", "−") if patch_size > 4 else str(patch)
        axis.text(left + patch_size / 2, patch + 0.5, text, ha="center", va="center", fontsize=7.5)
    axis.text(
        size / 2, count + 0.35, "pixels of one row, and the patches over them", ha="center", va="center", color=GREY
    )


# ---- attention over fewer keys


@in_our_look
def draw_attention_reduction(height: int, width: int, ratio: int) -> Figure:
    """A map's queries, the fewer keys that a reduction by `ratio` leaves, and the scores between the two, to scale.

    Raises:
        CourseError: if the map has no whole ratio x ratio block.
    """
    if ratio < 1 or min(height, width) < ratio:
        raise CourseError(
            f"A map of {height} x {width} has no block of {ratio} x {ratio}: take a ratio from 1 on that fits."
        )
    rows, columns = height // ratio, width // ratio
    queries, keys = height * width, rows * columns
    figure, (left, middle, right) = new_canvas(9.6, 3.7, 1, 3)
    _draw_cells(left, height, width, BLUE, f"{height} × {width} = {queries} queries")
    for row, column in np.ndindex(rows, columns):
        left.add_patch(Rectangle((column * ratio, row * ratio), ratio, ratio, fill=False, ec=INK, lw=1.6, zorder=4))
    left.set_xlabel(
        f"outlined: the {ratio} × {ratio} pixels of one key" if ratio > 1 else "every pixel is a key of its own"
    )
    _draw_cells(middle, rows, columns, ORANGE, f"{rows} × {columns} = {keys} keys and values")
    middle.set_xlabel(f"HW / R² with R = {ratio}")
    _draw_scores(right, queries, keys)
    figure.alt = (
        f"A map of {height} × {width} = {queries} queries, cut into blocks of {ratio} × {ratio}; each block is one of "
        f"{rows} × {columns} = {keys} keys and values. The matrix of scores has {queries} × {keys} = {queries * keys} "
        f"entries, {keys / queries:.1%} of the {queries} × {queries} of full attention."
    )
    return figure


def _draw_cells(axis, rows: int, columns: int, color: str, title: str):
    axis.add_patch(Rectangle((0, 0), columns, rows, fc=color, alpha=0.35, lw=0))
    for column in range(columns + 1):
        axis.plot([column, column], [0, rows], color=color, lw=0.8)
    for row in range(rows + 1):
        axis.plot([0, columns], [row, row], color=color, lw=0.8)
    edge = 0.03 * max(rows, columns)
    axis.set(xlim=(-edge, columns + edge), ylim=(rows + edge, -edge), aspect="equal", title=title)
    _no_frame(axis)


def _draw_scores(axis, queries: int, keys: int):
    """The matrix of scores to scale inside the one that full attention has."""
    axis.add_patch(Rectangle((0, 0), queries, queries, fill=False, ec=GREY, ls="--", lw=1))
    axis.add_patch(Rectangle((0, 0), keys, queries, fc=GREEN, alpha=0.55, ec=INK, lw=0.8))
    edge = 0.03 * queries
    axis.set(xlim=(-edge, queries + edge), ylim=(queries + edge, -edge), aspect="equal")
    axis.set_title(f"scores: {queries} × {keys} = {queries * keys:,}".replace(",", " "))
    share = f"{keys / queries:.1%}" if keys < queries else "all"
    axis.set_xlabel(f"{share} of the {queries} × {queries} of full attention (dashed)")
    axis.set_ylabel("queries")
    _no_frame(axis)


def _no_frame(axis):
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


# ---- parts of the drawing of the architecture


def _panel(axis, bottom: float, top: float, title: str, subtitle: str, color: str):
    axis.add_patch(Rectangle((0, bottom), 100, top - bottom, facecolor="#FAFAFA", edgecolor="none", zorder=0))
    axis.add_patch(Rectangle((0, bottom), 0.7, top - bottom, facecolor=color, edgecolor="none", zorder=0))
    axis.text(2.2, top - 1.2, title, ha="left", va="top", fontsize=12, fontweight="bold", color=INK)
    axis.text(2.2, top - 4.2, subtitle, ha="left", va="top", color=GREY)


def _plus(axis, x, y, *, after, skip_from):
    """The sum that ends a residual connection, which leaves the main line at `skip_from` and runs above it."""
    arrow(axis, (after, y), (x - 1.1, y))
    axis.add_patch(Circle((x, y), 1.1, facecolor="white", edgecolor=INK, lw=0.9, zorder=3))
    axis.text(x, y - 0.05, "+", ha="center", va="center", fontsize=11, zorder=4)
    axis.plot([skip_from, skip_from, x], [y, y + 4.2, y + 4.2], color=INK, lw=0.9, zorder=2)
    arrow(axis, (x, y + 4.2), (x, y + 1.1))


def _detail(axis, left, right, color, title, about):
    """A frame that shows the inside of the box whose lower edge is at `about`."""
    top = 16.6
    lens = [(left + 0.3, top), (about[0] - 2.5, about[1]), (about[0] + 2.5, about[1]), (right - 0.3, top)]
    axis.add_patch(Polygon(lens, facecolor=color, alpha=0.35, edgecolor="none", zorder=1))
    look = {"boxstyle": "round,pad=0,rounding_size=0.8", "fc": color, "ec": INK, "lw": 0.8, "zorder": 1}
    axis.add_patch(FancyBboxPatch((left, 0.9), right - left, top - 0.9, **look))
    axis.text(left + 1, top - 0.7, title, ha="left", va="top", fontsize=9, fontweight="bold")
