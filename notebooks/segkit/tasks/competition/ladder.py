"""Public checks of 03_ladder: a model whose logits have a quarter of its images' sides."""

from segkit.checking.inputs import Numbers
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.competition.ladder_probes import averaged, averaged_manners, sizes_shown


def _batch(seed: int, *size: int, **settings) -> dict:
    return dict(images=Numbers(seed).normal(1, 3, *size), settings=settings)


MULTI_SCALE = Task(
    "multi_scale",
    "3.1 Many looks at one image",
    (
        PublicCheck(
            "one size, no mirror image: 16 x 24", averaged, _batch(931, 16, 24, scales=[1.0], flip=False, multiple=8)
        ),
        PublicCheck(
            "two sizes: 16 x 24 shown as 12 x 16 and as 20 x 32",
            averaged,
            _batch(932, 16, 24, scales=[0.7, 1.3], flip=False, multiple=4),
        ),
        PublicCheck(
            "one size and its mirror image", averaged, _batch(933, 16, 24, scales=[1.0], flip=True, multiple=8)
        ),
        PublicCheck(
            "the sides that are shown of 37 x 91, in multiples of 8",
            sizes_shown,
            _batch(934, 37, 91, scales=[0.3, 1.0, 1.4], flip=False, multiple=8),
        ),
        PublicCheck("a small image: 9 x 21", averaged, _batch(935, 9, 21, scales=[0.3, 1.0], flip=False, multiple=8)),
        PublicCheck("settings left out: 40 x 72", averaged, _batch(936, 40, 72)),
        PublicCheck(
            "two images at a time",
            averaged,
            dict(images=Numbers(939).normal(2, 3, 8, 12), settings=dict(scales=[0.7, 1.3], multiple=4)),
        ),
        PublicCheck(
            "a model that comes in training mode",
            averaged,
            dict(_batch(937, 16, 24, scales=[1.0], flip=False, multiple=8), training=True),
        ),
        PublicCheck(
            "the model's mode afterwards, gradients, and the images",
            averaged_manners,
            _batch(938, 16, 24, scales=[1.0], flip=False, multiple=8),
        ),
    ),
)

TASKS = (MULTI_SCALE,)
