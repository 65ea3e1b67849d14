"""What the design of each class says about its matrices: see `segkit.checking.arrangements`."""

from typing import Any

from segkit.checking.arrangements import Design


def auxiliary_head(arguments: dict[str, Any]) -> Design:
    """A BatchNorm after the 3x3 convolution."""
    return Design(idle=((arguments["channels"], arguments["in_channels"], 3, 3),))


DESIGNS = {"AuxiliaryHead": auxiliary_head}
