"""The classes of the two data sets, and the colours in which they are shown."""

from torchvision.datasets import Cityscapes

from segkit.canvas import DARK_BLUE, LIGHT_GREY, ORANGE

PET_CLASSES = ("pet", "background", "border")
PET_PALETTE = (ORANGE, LIGHT_GREY, DARK_BLUE)

_TRAINED = sorted((one for one in Cityscapes.classes if 0 <= one.train_id < 255), key=lambda one: one.train_id)
CITYSCAPES_LABELS = {one.id: one.name for one in Cityscapes.classes if one.id >= 0}  # all that annotations hold
CITYSCAPES_IDS = tuple(one.id for one in _TRAINED)  # the 19 that models are trained on, in the order of the train ids
CITYSCAPES_CLASSES = tuple(one.name for one in _TRAINED)
CITYSCAPES_PALETTE = tuple("#{:02x}{:02x}{:02x}".format(*one.color) for one in _TRAINED)  # the data set's own
