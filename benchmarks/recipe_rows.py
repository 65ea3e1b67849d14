"""The recipes that `benchmarks/recipe.py` compares: from the original one to ours, one change at a time."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """All that a training run depends on, but for its seed, its data and the number of image passes.

    unlabelled: "background" learns that what nobody labelled is background; "ignored" leaves it out of the loss.
    schedule: "constant", or "poly" with power 1 after a warm-up over a tenth of the steps.
    head_factor: how many times higher the decoder's learning rate is.
    decay_norms: weight decay on norms and biases, too.
    augmentation: "none", or "crop, flip, light", that of `segkit.augmentation`.
    crops: the smallest and the largest part of an image's area that a crop covers.
    balance: classes weigh 1 / share of their pixels to this power; 0 weighs every pixel alike.
    image_side, target_side: of the square images and labels that training sees.
    measured_side: of the whole validation images; the truth is always the 64x64 target.
    """

    unlabelled: str = "background"
    shuffle: bool = False
    batch_size: int = 16
    learning_rate: float = 6e-5
    head_factor: float = 1.0
    schedule: str = "constant"
    decay_norms: bool = True
    augmentation: str = "none"
    crops: tuple[float, float] = (0.1, 0.6)
    drop_path: float = 0.0
    balance: float = 0.0
    image_side: int = 128
    target_side: int = 32
    measured_side: int = 128


@dataclass(frozen=True)
class Row:
    """One line of the table: its key, what changed against the line before, and with how many seeds it is run.

    kept: False for what no other line is built on.
    """

    key: str
    change: str
    recipe: Recipe
    seeds: int = 1
    kept: bool = True


ORIGINAL = Recipe()
# As groups trained it. Four times the cost, and no better: the ladder begins at 128.
AT_256 = replace(ORIGINAL, image_side=256, target_side=64, measured_side=256)

STEPS = [
    ("unlabelled", "unlabelled pixels left out of the loss", {"unlabelled": "ignored"}),
    ("shuffled", "shuffled in every pass", {"shuffle": True}),
    ("learning_rate", "learning rate 1e-3 instead of 6e-5", {"learning_rate": 1e-3}),
    ("batch", "batches of 8 instead of 16", {"batch_size": 8}),
    ("schedule", "warm-up, then poly decay to 0", {"schedule": "poly"}),
    ("no_decay", "no weight decay on norms and biases", {"decay_norms": False}),
    (
        "crops",
        "random crops of 128 pixels out of 256, flips, light",
        {"augmentation": "crop, flip, light", "measured_side": 256},
    ),
]
# Each on top of the last line, and not kept.
TRIED = [
    ("drop_path", "DropPath up to 0.1", {"drop_path": 0.1}),
    ("balanced", "classes weighed by 1 / share^0.25", {"balance": 0.25}),
    ("targets", "loss at twice the resolution", {"target_side": 64}),
]


def ladder() -> list[Row]:
    """Every step on top of the ones before; the first and the last one with three seeds. Then what was tried on top.

    Before all of them stands the original recipe at its own size.
    """
    recipe = ORIGINAL
    rows = [
        Row("original_256", "the original recipe at 256 pixels", AT_256, kept=False),
        Row("original", "the original recipe at 128 pixels", recipe, seeds=3),
    ]
    for key, change, values in STEPS:
        recipe = replace(recipe, **values)
        rows.append(Row(key, f"+ {change}", recipe))
    rows[-1] = replace(rows[-1], seeds=3)
    return rows + [Row(key, f"and {change}?", replace(recipe, **values), kept=False) for key, change, values in TRIED]
