"""What the design of each class says about its matrices: see `segkit.checking.arrangements`."""

from typing import Any

from segkit.checking.arrangements import Design


def patch_merging(arguments: dict[str, Any]) -> Design:
    """The linear map of a patch."""
    channels, side = arguments["in_channels"], arguments["patch_size"]
    return Design(patches={channels * side**2: (channels, side)})


def attention(arguments: dict[str, Any]) -> Design:
    """Heads, and the reduction as a linear map of patches."""
    channels, side = arguments["channels"], arguments["reduction_ratio"]
    patches = {channels * side**2: (channels, side)} if side > 1 else {}
    return Design(heads={channels: arguments["num_heads"]}, patches=patches)


def mix_ffn(arguments: dict[str, Any]) -> Design:
    """Filters of 3x3 numbers; their biases are like those of the linear layer before them."""
    channels = arguments["channels"]
    return Design(filters=(9,), copies={channels * arguments["expansion_factor"]: channels})


def encoder_layer(arguments: dict[str, Any]) -> Design:
    """All parts of a stage."""
    merging = patch_merging(arguments)
    arguments = dict(arguments, channels=arguments["out_channels"])
    inside, ffn = attention(arguments), mix_ffn(arguments)
    patches = {**merging.patches, **inside.patches}
    return Design(heads=inside.heads, patches=patches, filters=ffn.filters, copies=ffn.copies)


def decoder(arguments: dict[str, Any]) -> Design:
    """Joined levels, and a BatchNorm after the layer that fuses them."""
    embed, levels = arguments["embed_channels"], len(arguments["in_channels"])
    return Design(joined=(embed,), idle=((embed, levels * embed), (embed, embed)))


B0 = dict(
    channels=(32, 64, 160, 256), reduction_ratios=(8, 4, 2, 1), num_heads=(1, 2, 5, 8), expansion_factor=4,
    embed_channels=256,
)  # fmt: skip


def segformer(arguments: dict[str, Any]) -> Design:
    """All stages, and the decoder."""
    settings = {**B0, **arguments}
    channels = settings["channels"]
    head = decoder(dict(in_channels=channels, embed_channels=settings["embed_channels"]))
    patches = {3 * 49: (3, 7)} | {count * 9: (count, 3) for count in channels[:-1]}
    for count, side in zip(channels, settings["reduction_ratios"], strict=True):
        if side > 1:
            patches[count * side**2] = (count, side)
    heads = dict(zip(channels, settings["num_heads"], strict=True))
    hidden = {count * settings["expansion_factor"]: count for count in channels}
    copies = {size: count for size, count in hidden.items() if size not in channels}
    return Design(heads, patches, (9,), copies, head.joined, head.idle)


DESIGNS = {
    "OverlapPatchMerging": patch_merging,
    "EfficientSelfAttention": attention,
    "MixFFN": mix_ffn,
    "MixTransformerEncoderLayer": encoder_layer,
    "MLPDecoder": decoder,
    "FastMLPDecoder": decoder,
    "SegFormer": segformer,
}
