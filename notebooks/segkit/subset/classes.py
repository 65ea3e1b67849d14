"""The classes: ADE20K's 150, the course's four, and the table that leads from one to the other."""

import numpy as np

SPLITS = ("training", "validation")
KINDS = ("images", "annotations")

CLASS_NAMES = ("background", "plant", "person/animal", "vehicle")
# Everything that is not named here is class 0, background: 0 (unlabelled) as well, unless it is to be ignored.
ADE20K_CLASSES = {1: (5, 10, 18, 67), 2: (13, 127), 3: (21, 77, 84, 91, 103, 104, 128)}
IGNORE = 255
UNLABELLED = ("background", "ignore")
TARGET_SIZE = (64, 64)

# Position = class id in the annotations; the published objectInfo150.txt lists synonyms as well.
_NAMES = """
unlabelled, wall, building, sky, floor, tree, ceiling, road, bed, window, grass, cabinet, sidewalk, person, earth,
door, table, mountain, plant, curtain, chair, car, water, painting, sofa, shelf, house, sea, mirror, rug, field,
armchair, seat, fence, desk, rock, wardrobe, lamp, bathtub, railing, cushion, pedestal, box, column, signboard,
chest of drawers, counter, sand, sink, skyscraper, fireplace, refrigerator, grandstand, path, stairs, runway,
display case, pool table, pillow, screen door, staircase, river, bridge, bookcase, blind, coffee table, toilet,
flower, book, hill, bench, countertop, stove, palm tree, kitchen island, computer, swivel chair, boat, bar,
arcade machine, hut, bus, towel, light, truck, tower, chandelier, awning, streetlight, booth, television, airplane,
dirt track, clothes, pole, land, banister, escalator, ottoman, bottle, buffet, poster, stage, van, ship, fountain,
conveyor belt, canopy, washing machine, toy, swimming pool, stool, barrel, basket, waterfall, tent, bag, motorbike,
cradle, oven, ball, food, step, storage tank, brand name, microwave, flowerpot, animal, bicycle, lake, dishwasher,
projection screen, blanket, sculpture, exhaust hood, wall lamp, vase, traffic light, tray, bin, fan, pier,
CRT screen, plate, monitor, notice board, shower, radiator, drinking glass, clock, flag
"""
ADE20K_NAMES = tuple(name.strip() for name in _NAMES.split(","))


def label_table(unlabelled: str) -> np.ndarray:
    """The label of every id: uint8 (256,). Id 0 becomes background or ignored, as `unlabelled` says."""
    table = np.zeros(256, np.uint8)
    for label, ids in ADE20K_CLASSES.items():
        table[list(ids)] = label
    table[0] = IGNORE if unlabelled == "ignore" else 0
    return table


def nearest(length: int, samples: int) -> np.ndarray:
    """Indices floor(i * length / samples): where nearest-neighbour sampling looks (torch's rule, Pillow's differs)."""
    return np.arange(samples) * length // samples


def sample_nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels (H, W) at `size` = (height, width), nearest neighbour."""
    rows, columns = nearest(labels.shape[0], size[0]), nearest(labels.shape[1], size[1])
    return labels[rows].take(columns, axis=1)  # five times as fast as labels[rows[:, None], columns]
