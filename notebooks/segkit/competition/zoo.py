"""The models of the competition, in one table: what each is built from, and what was published of it.

Most come from segmentation-models-pytorch, with encoders of its own or of timm (requirements-competition.txt). The
sandbox that student code is graded in has neither: what is graded there is the student's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import nn

from segkit.competition.networks import AtImageSize, MaxUnpoolingNet, UNet
from segkit.competition.weights import require_loaded, tensors_of, weights_explained
from segkit.errors import CourseError
from segkit.pretrained import load_pretrained, sizes

REQUIREMENTS = "requirements-competition.txt"
_OURS: dict[str, Callable[[int], nn.Module]] = {"MaxUnpoolingNet": MaxUnpoolingNet, "UNet": UNet}
_SWIN = "tu-swin_tiny_patch4_window7_224"


@dataclass(frozen=True)
class Published:
    """What the winning group of the original competition reported: mean IoU on KITTI, and billions of multiply-adds."""

    mean_iou: float | None = None
    giga: float | None = None


@dataclass(frozen=True)
class Configuration:
    """One model of the zoo.

    Args:
        title: what it is called in a table.
        architecture: a class of this package or of segmentation-models-pytorch.
        encoder: its name in segmentation-models-pytorch, "tu-..." in timm; None: the architecture has its own.
        options: further arguments of the architecture.
        multiple: sides that it takes are multiples of this; `AtImageSize` pads others.
        published: figures to hold it against.
    """

    title: str
    architecture: str
    encoder: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    multiple: int = 1
    published: Published = Published()

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))

    @property
    def segformer_size(self) -> str | None:
        """ "b0" to "b5" for a SegFormer, which the student's own class can be as well; else None."""
        return self.encoder.removeprefix("mit_") if self.encoder and self.encoder.startswith("mit_") else None


def _deeplab(depth: int, mean_iou: float) -> Configuration:
    """Chen et al. 2018 (arXiv 1802.02611), output stride 16."""
    return Configuration(
        f"DeepLabV3+, ResNet-{depth}", "DeepLabV3Plus", f"resnet{depth}", multiple=16, published=Published(mean_iou)
    )


def _pspnet(depth: int, mean_iou: float) -> Configuration:
    """Zhao et al. 2017 (arXiv 1612.01105), output stride 8: all four groups of the ResNet, the last two dilated.

    The library's default ends after the second group, which is another network with a tenth of the work.
    """
    options = {"encoder_depth": 5, "output_stride": 8}
    return Configuration(
        f"PSPNet, ResNet-{depth}", "PSPNet", f"resnet{depth}", options, multiple=8, published=Published(mean_iou)
    )


def _segformer(size: str, channels: int | None = None, published: Published = Published()) -> Configuration:
    """Xie et al. 2021 (arXiv 2105.15203); `channels` inside the decoder, None: as in the published models."""
    title = f"SegFormer {size.upper()}" + (f", decoder of {channels}" if channels else "")
    return _with_segformer_head(title, f"mit_{size}", channels or sizes(size)["embed_channels"], published)


def _with_segformer_head(title: str, encoder: str, channels: int, published: Published, **options) -> Configuration:
    # Logits of a quarter of the sides, as the student's own: AtImageSize upsamples both alike.
    options |= {"decoder_segmentation_channels": channels, "upsampling": 1}
    return Configuration(title, "Segformer", encoder, options, multiple=4, published=published)


MODELS: Mapping[str, Configuration] = MappingProxyType(
    {
        "baseline": Configuration("encoder-decoder, max-unpooling", "MaxUnpoolingNet", published=Published(0.276, 67)),
        "unet": Configuration("U-Net", "UNet", multiple=16, published=Published(0.456, 356)),
        "unet_r34": Configuration("U-Net, ResNet-34", "Unet", "resnet34", multiple=32),
        "deeplabv3plus_r18": _deeplab(18, 0.568),
        "deeplabv3plus_r50": _deeplab(50, 0.604),
        "deeplabv3plus_r101": _deeplab(101, 0.606),
        "pspnet_r18": _pspnet(18, 0.593),
        "pspnet_r101": _pspnet(101, 0.637),
        # Liu et al. 2021 (arXiv 2103.14030); timm pads the windows of images of other sides than 224.
        "swin_t_segformer": _with_segformer_head(
            "Swin-T, SegFormer head", _SWIN, 256, Published(0.595), strict_img_size=False
        ),
        "segformer_b0": _segformer("b0", published=Published(0.553, 15.6)),
        "segformer_b1": _segformer("b1"),
        "segformer_b2": _segformer("b2"),
        "segformer_b2_256": _segformer("b2", 256, Published(0.614, 50.6)),
        "segformer_b3": _segformer("b3"),
        "segformer_b4": _segformer("b4"),
        "segformer_b5": _segformer("b5"),
        "segformer_b5_256": _segformer("b5", 256, Published(0.684, 150)),
    }
)


def configuration(name: str) -> Configuration:
    """The configuration of that name.

    Raises:
        CourseError: if there is none.
    """
    if name not in MODELS:
        raise CourseError(f"There is no model {name!r} in the zoo: choose one of {', '.join(MODELS)}.")
    return MODELS[name]


def build_model(
    name: str,
    num_classes: int,
    pretrained: bool | str | Path = False,
    *,
    segformer: Callable[..., nn.Module] | None = None,
) -> AtImageSize:
    """A model of the zoo: images (B, 3, H, W) -> logits (B, num_classes, H, W), for any sides from 32 pixels.

    DeepLabV3+ and PSPNet pool a whole image to one pixel: in training mode their BatchNorm needs two images at least.

    Args:
        name: one of `MODELS`.
        num_classes: K.
        pretrained: True fetches ImageNet's weights for the encoder from the Hugging Face hub, once; a path names a file
            of them on this machine. Heads and decoders always begin with random numbers.
        segformer: your class `SegFormer` of the first assignment, for the names that begin with "segformer_": your
            modules take the place of the library's. Weights are then those of `segkit.pretrained.load_pretrained`.

    Raises:
        CourseError: if there is no such model, a library is missing, or weights cannot be had or do not fit.
    """
    chosen = configuration(name)
    if pretrained and chosen.encoder is None:
        raise CourseError(f"{name} has no published weights: build it with pretrained=False.")
    if segformer is not None:
        return AtImageSize(_own_segformer(name, chosen, num_classes, pretrained, segformer))
    if chosen.architecture in _OURS:
        return AtImageSize(_OURS[chosen.architecture](num_classes), chosen.multiple)
    return AtImageSize(_of_the_library(chosen, num_classes, pretrained), chosen.multiple)


def _own_segformer(name, chosen: Configuration, num_classes: int, pretrained, segformer) -> nn.Module:
    size = chosen.segformer_size
    if size is None:
        raise CourseError(f"{name} is no SegFormer: your class can be the models segformer_b0 to segformer_b5.")
    arguments = sizes(size) | {"embed_channels": chosen.options["decoder_segmentation_channels"]}
    model = segformer(num_classes, **arguments)
    if pretrained:
        load_pretrained(model, f"nvidia/mit-{size}" if pretrained is True else pretrained)
    return model


def _of_the_library(chosen: Configuration, num_classes: int, pretrained) -> nn.Module:
    make = getattr(_library(), chosen.architecture)
    options = dict(chosen.options) | {"encoder_name": chosen.encoder, "classes": num_classes, "encoder_weights": None}
    tensors = tensors_of(pretrained) if pretrained and pretrained is not True else None
    of_timm = chosen.encoder.startswith("tu-")
    if pretrained is True:
        options["encoder_weights"] = True if of_timm else "imagenet"
    elif tensors and of_timm:  # timm renames a classifier's tensors to those of an encoder
        options |= {"encoder_weights": True, "pretrained_cfg_overlay": {"state_dict": tensors}}
    with weights_explained(chosen.encoder, pretrained):
        model = make(**options)
        if tensors and of_timm:
            require_loaded(model.encoder, tensors)
        elif tensors:
            model.encoder.load_state_dict(tensors)
    model.requires_divisible_input_shape = False  # AtImageSize pads to what is needed, which is less for SegFormer
    return model


def _library():
    try:
        import segmentation_models_pytorch
    except ImportError as error:
        raise CourseError(
            f"{error.name} is not installed, which most models of the zoo come from: "
            f"run `pip install -r {REQUIREMENTS}` in the folder of the notebooks."
        ) from error
    return segmentation_models_pytorch
