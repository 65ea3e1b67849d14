"""4.3 worst_images: every image's own mean IoU, the lowest first.

Tried with neutral doubles for `confusion_matrix` and `mean_iou`; agreeing with the reference as a whole counts as well.
"""

import torch
from torch.nn import functional

from autograder.testing import graded
from segkit.tasks.segformer.model_probes import worst, worst_manners

MEASURES = ("confusion_matrix", "mean_iou")
# Of each image: the share of a rarer class, and how much of it is found. By mean IoU they come in this order, the worst
# first; by the share of right pixels in another one.
KINDS = ((0.5, 0.0), (0.17, 0.0), (0.5, 0.3), (0.34, 0.34), (0.17, 0.34), (0.5, 0.65), (0.34, 0.7), (0.17, 0.88))


def data_set(draw, *, sizes: tuple[tuple[int, int], ...] = ((6, 8),)) -> dict:
    """An image of each kind, which carries its logits: pixels of the rarer class are called by the other one's name."""
    images, targets = [], []
    for place, (share, found) in enumerate(draw.shuffled(KINDS)):
        height, width = sizes[place % len(sizes)]
        pixels, (common, rare, *_) = draw.shuffled(range(height * width)), draw.shuffled(range(4))
        rare_pixels = pixels[: round(share * len(pixels))]
        target, said = torch.full((height * width,), common), torch.full((height * width,), common)
        target[rare_pixels] = rare
        said[rare_pixels[: round(found * len(rare_pixels))]] = rare
        noise = draw.normal(height, width, 4).clamp(-2, 2)
        logits = 5 * functional.one_hot(said.view(height, width), 4) + noise
        images.append(logits.permute(2, 0, 1).float().contiguous())
        targets.append(target.view(height, width))
    return dict(images=images, targets=targets, doubles=MEASURES)


@graded("the worst few, the very worst first", share=2)
def test_order(judge, draw):
    judge.same(worst, **data_set(draw), count=draw.choose(3, 4, 6))


@graded("five if no count is given", share=0.5)
def test_default_count(judge, draw):
    judge.same(worst, **data_set(draw))


@graded("images of several sizes", share=0.5)
def test_sizes(judge, draw):
    judge.same(worst, **data_set(draw, sizes=((6, 8), (9, 4), (5, 10))), count=4)


@graded("images without a labelled pixel come last", share=0.5)
def test_unlabelled(judge, draw):
    case = data_set(draw)
    case["targets"][1] = torch.full((6, 8), 255)
    judge.same(worst, **case, count=8)


@graded("of two images with the same score the earlier one comes first", share=0.25)
def test_equal_scores(judge, draw):
    case, order = data_set(draw), draw.shuffled([0, 3, 6] * 12)  # an unstable sort keeps the order of a few
    often = {name: [case[name][index] for index in order] for name in ("images", "targets")}
    judge.same(worst, **{**case, **often}, count=len(order))


@graded("the model predicts in evaluation mode", share=0.5)
def test_evaluation_mode(judge, draw):
    judge.same(worst, **data_set(draw), count=4, training=True)


@graded("the same answer twice; the model is in the mode in which it came; no gradients", share=0.5)
def test_manners(judge, draw):
    judge.same(worst_manners, **data_set(draw))
