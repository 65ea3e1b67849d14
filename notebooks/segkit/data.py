"""The course's data: all that a notebook needs.

`locate_data()` gives the folder of a four-class data set, `FourClassADE20K` reads it as training does and `Photographs`
at full size; `raw_data()` and `RawADE20K` do the same for ADE20K before its 150 classes become four.
"""

from segkit.datasets import (
    IMAGE_SIZE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    EvalTransform,
    FourClassADE20K,
    Photographs,
    RawADE20K,
    default_transform,
    denormalise,
    prepare_image,
)
from segkit.location import locate_data, raw_data
from segkit.subset import (
    ADE20K_CLASSES,
    ADE20K_NAMES,
    CLASS_NAMES,
    IGNORE,
    TARGET_SIZE,
    before_and_after,
    build_subset,
    read_manifest,
)

__all__ = [
    "ADE20K_CLASSES",
    "ADE20K_NAMES",
    "CLASS_NAMES",
    "IGNORE",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "IMAGE_SIZE",
    "TARGET_SIZE",
    "EvalTransform",
    "FourClassADE20K",
    "Photographs",
    "RawADE20K",
    "before_and_after",
    "build_subset",
    "default_transform",
    "denormalise",
    "locate_data",
    "prepare_image",
    "raw_data",
    "read_manifest",
]
