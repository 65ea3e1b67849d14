"""What the design of each class says about its matrices: see `segkit.checking.arrangements`."""

from typing import Any

from segkit.checking.arrangements import Design
from segkit.tasks.segformer import designs as earlier

DEFAULTS = dict(
    channels=(32, 64, 160, 256), num_heads=(1, 2, 5, 8), reduction_ratios=(8, 4, 2, 1), expansion=4, embed_channels=128
)


def transformer_block(arguments: dict[str, Any]) -> Design:
    """Heads, the reduction as a linear map of patches, filters of 3x3 numbers."""
    attention = earlier.attention(arguments)
    ffn = earlier.mix_ffn(dict(channels=arguments["channels"], expansion_factor=arguments["expansion"]))
    return Design(heads=attention.heads, patches=attention.patches, filters=ffn.filters, copies=ffn.copies)


def pet_segformer(arguments: dict[str, Any]) -> Design:
    """All stages, and the head."""
    settings = {**DEFAULTS, **arguments}
    settings["expansion_factor"] = settings.pop("expansion")
    return earlier.segformer(settings)


DESIGNS = {
    "PatchEmbedding": earlier.patch_merging,
    "TransformerBlock": transformer_block,
    "SegFormerHead": earlier.decoder,
    "PetSegFormer": pet_segformer,
}
