"""The sizes of the published encoders, and the geometry of a stage."""

from dataclasses import dataclass

from segkit.errors import CourseError

NUM_HEADS = (1, 2, 5, 8)  # of every published encoder
_SMALL, _LARGE = (32, 64, 160, 256), (64, 128, 320, 512)
SIZES = {
    "b0": {"channels": _SMALL, "n_layers": (2, 2, 2, 2), "embed_channels": 256},
    "b1": {"channels": _LARGE, "n_layers": (2, 2, 2, 2), "embed_channels": 256},
    "b2": {"channels": _LARGE, "n_layers": (3, 4, 6, 3), "embed_channels": 768},
    "b3": {"channels": _LARGE, "n_layers": (3, 4, 18, 3), "embed_channels": 768},
    "b4": {"channels": _LARGE, "n_layers": (3, 8, 27, 3), "embed_channels": 768},
    "b5": {"channels": _LARGE, "n_layers": (3, 6, 40, 3), "embed_channels": 768},
}


def sizes(name: str) -> dict:
    """The arguments that make a SegFormer as large as a published one: `SegFormer(**sizes("b2"))`.

    Xie et al. 2021 (arXiv 2105.15203), table 6, with the channels inside the decoder of the published models. What is
    left out (reduction ratios, heads, an expansion by 4) is the same in all of them and the default of the course.

    Args:
        name: "b0" to "b5".

    Returns:
        channels and n_layers, a number per stage, and embed_channels.

    Raises:
        CourseError: if there is no such size.
    """
    if str(name).lower() not in SIZES:
        raise CourseError(f"There is no size {name!r}: choose one of {', '.join(SIZES)}.")
    return dict(SIZES[str(name).lower()])


@dataclass(frozen=True)
class StageSizes:
    """The geometry of one encoder stage.

    Args:
        number: 1 to 4.
        in_channels, channels: of the maps that come in and go out.
        patch: side of a patch; the stride is 4 for patches of 7, else 2.
        n_layers: number of blocks.
        ratio: reduction ratio along one side; 1 is none.
        heads: attention heads.
        hidden: channels inside the Mix-FFN.
    """

    number: int
    in_channels: int
    channels: int
    patch: int
    n_layers: int
    ratio: int
    heads: int
    hidden: int

    @property
    def stride(self) -> int:
        return 4 if self.patch == 7 else 2

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor of the stage, by the names of `segkit.pretrained.names`."""
        channels, hidden, side = self.channels, self.hidden, self.ratio
        layers = {"embed": (channels, self.in_channels, self.patch, self.patch), "embed_norm": (channels,)}
        for number in range(self.n_layers):
            layers |= {
                f"{number}.norm1": (channels,),
                **{f"{number}.{part}": (channels, channels) for part in ("query", "key", "value", "project")},
                **({f"{number}.reduce": (channels, channels, side, side)} if side > 1 else {}),
                **({f"{number}.reduce_norm": (channels,)} if side > 1 else {}),
                f"{number}.norm2": (channels,),
                f"{number}.widen": (hidden, channels),
                f"{number}.filters": (hidden, 1, 3, 3),
                f"{number}.narrow": (channels, hidden),
            }
        layers["norm"] = (channels,)
        weights = {f"{name}.weight": shape for name, shape in layers.items()}
        return weights | {f"{name}.bias": shape[:1] for name, shape in layers.items()}
