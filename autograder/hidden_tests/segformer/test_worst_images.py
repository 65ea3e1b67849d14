"""4.3 worst_images: every image's own mean IoU, the lowest first.

Tried with neutral doubles for `confusion_matrix` and `mean_iou`; agreeing with the reference as a whole counts as well.
"""

import torch

from autograder.testing import graded
from segkit.tasks.segformer.model_probes import worst, worst_manners

MEASURES = ("confusion_matrix", "mean_iou")


def data_set(draw, count: int, sizes: tuple[tuple[int, int], ...] = ((6, 8),)) -> dict:
    """Images that carry logits; of image i a share of the pixels is wrong that no other image comes near."""
    images, targets = [], []
    for place, rank in enumerate(draw.shuffled(range(count))):
        height, width = sizes[place % len(sizes)]
        target = draw.integers(0, 4, height, width)
        wrong = round(height * width * (0.06 + 0.8 * rank / count))
        said = target.clone().view(-1)
        pixels = draw.shuffled(range(height * width))[:wrong]
        said[pixels] = (said[pixels] + 1) % 4
        logits = 5 * torch.nn.functional.one_hot(said.view(height, width), 4) + draw.normal(height, width, 4).clamp(
            -2, 2
        )
        images.append(logits.permute(2, 0, 1).float().contiguous())
        targets.append(target)
    return dict(images=images, targets=targets, doubles=MEASURES)


@graded("the worst few, the very worst first", share=2)
def test_order(judge, draw):
    judge.same(worst, **data_set(draw, 6), count=draw.choose(2, 3, 4))


@graded("five if no count is given", share=0.5)
def test_default_count(judge, draw):
    judge.same(worst, **data_set(draw, 8))


@graded("images of several sizes", share=0.5)
def test_sizes(judge, draw):
    judge.same(worst, **data_set(draw, 6, sizes=((6, 8), (9, 4), (5, 10))), count=4)


@graded("images without a labelled pixel come last", share=0.5)
def test_unlabelled(judge, draw):
    case = data_set(draw, 5)
    case["targets"][draw.choose(0, 1, 2)] = torch.full((6, 8), 255)
    judge.same(worst, **case, count=5)


@graded("of two images with the same score the earlier one comes first", share=0.25)
def test_equal_scores(judge, draw):
    case, order = data_set(draw, 4), draw.shuffled([0, 0, 1, 1, 2, 2, 3])
    twice = {name: [case[name][index] for index in order] for name in ("images", "targets")}
    judge.same(worst, **{**case, **twice}, count=7)


@graded("the model predicts in evaluation mode", share=0.5)
def test_evaluation_mode(judge, draw):
    judge.same(worst, **data_set(draw, 6), count=4, training=True)


@graded("the same answer twice; the model is in the mode in which it came; no gradients", share=0.5)
def test_manners(judge, draw):
    judge.same(worst_manners, **data_set(draw, 7))
