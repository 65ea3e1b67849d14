"""A small drawn data set in ADE20K's layout and with its class ids, for machines without ADE20K.

The scenes are made up: streets, parks, shores, airfields and rooms, with what the course looks for in them (plants,
people and animals, vehicles) and what it leaves alone (buses and palm trees too, which are in none of its classes).
"""

from random import Random

from PIL import Image

from segkit.drawn.canvas import Canvas
from segkit.drawn.scenery import clutter
from segkit.drawn.scenes import EMPTY_SCENES, SCENES
from segkit.folders import finished_folder
from segkit.subset.classes import ADE20K_NAMES, SPLITS

# Colour of the light, as factors of red, green and blue: noon, evening, shade, sunset, dusk, glare.
_LIGHTS = [
    (1.0, 1.0, 1.0),
    (1.06, 1.0, 0.9),
    (0.84, 0.88, 0.96),
    (1.1, 0.92, 0.78),
    (0.7, 0.74, 0.86),
    (1.08, 1.07, 1.05),
]


def make_sample(out, training=120, validation=40, seed=0):
    """Draw a data set in the ADE20K layout: images/*.jpg, annotations/*.png (ids 0..150) and objectInfo150.txt.

    Photographs are about 192x256 pixels, of many shapes, upright ones too. One in twelve shows nothing but background.
    The same arguments give the same files, byte for byte, with the same Pillow and NumPy; image i of a split does not
    depend on how many there are.

    Args:
        out: folder to make.
        training: number of training images.
        validation: number of validation images.
        seed: any integer; another seed is another data set.

    Returns:
        `out` as it was given.

    Raises:
        CourseError: if `out` is taken or cannot be written.
    """
    pixels = [0] * len(ADE20K_NAMES)
    images = {split: [0] * len(ADE20K_NAMES) for split in SPLITS}
    with finished_folder(out) as partial:
        for split, count in zip(SPLITS, (training, validation), strict=True):
            for kind in ("images", "annotations"):
                (partial / kind / split).mkdir(parents=True)
            for number in range(1, count + 1):
                photograph, annotation = draw_scene(Random(f"{seed}/{split}/{number}"), number)
                name = f"sample_{'train' if split == 'training' else 'val'}_{number:08d}"
                photograph.save(partial / "images" / split / f"{name}.jpg", quality=90)
                annotation.save(partial / "annotations" / split / f"{name}.png")
                for label, many in enumerate(annotation.histogram()[: len(ADE20K_NAMES)]):
                    pixels[label] += many
                    images[split][label] += many > 0
        (partial / "objectInfo150.txt").write_text(_object_info(pixels, images), encoding="utf-8", newline="\n")
    return out


def draw_scene(draw: Random, number: int) -> tuple[Image.Image, Image.Image]:
    """(photograph RGB, annotation of class ids L) of one scene; every twelfth `number` shows background only."""
    height, width = draw.randint(160, 224), draw.randint(200, 300)
    if draw.random() < 0.2:
        height, width = width, height
    # The kinds take turns, so that even a small set has all of them.
    scene = EMPTY_SCENES[number // 12 % len(EMPTY_SCENES)] if number % 12 == 0 else SCENES[number % len(SCENES)]
    return paint(scene, (height, width), draw)


def paint(scene, size: tuple[int, int], draw: Random) -> tuple[Image.Image, Image.Image]:
    """(photograph RGB, annotation of class ids L) of one scene, a function of `segkit.drawn.scenes`, in some light.

    `size` is (height, width).
    """
    canvas = Canvas(size[1], size[0], draw)
    scene(canvas, draw)
    if draw.random() < 0.3:
        clutter(canvas, draw)
    return canvas.finish(draw.choice(_LIGHTS))


def _object_info(pixels: list[int], images: dict[str, list[int]]) -> str:
    """The table that comes with ADE20K: id, share of the pixels, images of each split that show it, name."""
    lines = ["Idx\tRatio\tTrain\tVal\tName"]
    for label in range(1, len(ADE20K_NAMES)):
        counts = "\t".join(str(images[split][label]) for split in SPLITS)
        lines.append(f"{label}\t{pixels[label] / max(1, sum(pixels)):.4f}\t{counts}\t{ADE20K_NAMES[label]}")
    return "\n".join(lines) + "\n"
