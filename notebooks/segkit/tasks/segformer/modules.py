"""Public checks of 02_modules: small maps that are not square, so that swapped axes show.

Patch merging gets large numbers, beside which the eps of its norm does not matter.
"""

from segkit.checking.inputs import Numbers
from segkit.checking.probes import module_gradients, module_output, module_weights
from segkit.checking.public import PublicCheck, Task

PARTS = ("OverlapPatchMerging", "EfficientSelfAttention", "MixFFN")


def _map(*shape: int, seed: int):
    return Numbers(seed).normal(*shape)


def _values(title: str, name: str, arguments: dict, inputs: list, **more) -> PublicCheck:
    return PublicCheck(title, module_output, dict(name=name, arguments=arguments, inputs=inputs, **more))


PATCH_MERGING = Task(
    "patch_merging",
    "2.1 Overlapping patch merging",
    (
        _values(
            "first stage: patches of 7, every 4 pixels",
            "OverlapPatchMerging",
            dict(in_channels=3, out_channels=8, patch_size=7, stride=4, padding=3),
            [10 * _map(2, 3, 16, 24, seed=1)],
        ),
        _values(
            "later stage: patches of 3, every 2 pixels, odd sizes",
            "OverlapPatchMerging",
            dict(in_channels=6, out_channels=10, patch_size=3, stride=2, padding=1),
            [10 * _map(1, 6, 9, 13, seed=2)],
        ),
    ),
)

ATTENTION = Task(
    "attention",
    "2.2 Efficient self-attention",
    (
        _values(
            "one head, no reduction",
            "EfficientSelfAttention",
            dict(channels=6, reduction_ratio=1, num_heads=1),
            [_map(1, 6, 3, 5, seed=3)],
        ),
        _values(
            "four heads, no reduction",
            "EfficientSelfAttention",
            dict(channels=12, reduction_ratio=1, num_heads=4),
            [_map(2, 12, 3, 4, seed=4)],
        ),
        _values(
            "one head, keys and values from a map half as high and wide",
            "EfficientSelfAttention",
            dict(channels=6, reduction_ratio=2, num_heads=1),
            [_map(1, 6, 4, 6, seed=5)],
        ),
        _values(
            "four heads and a reduction by 4",
            "EfficientSelfAttention",
            dict(channels=20, reduction_ratio=4, num_heads=4),
            [_map(2, 20, 8, 12, seed=6)],
        ),
    ),
)

MIX_FFN = Task(
    "mix_ffn",
    "2.3 Mix-FFN",
    (
        _values(
            "expansion by 4",
            "MixFFN",
            dict(channels=5, expansion_factor=4),
            [_map(2, 5, 4, 7, seed=7)],
        ),
        _values(
            "expansion by 2",
            "MixFFN",
            dict(channels=8, expansion_factor=2),
            [_map(1, 8, 6, 3, seed=8)],
        ),
    ),
)

ENCODER_LAYER = Task(
    "encoder_layer",
    "2.4 The encoder stage",
    (
        _values(
            "one layer (with stand-ins for your attention, Mix-FFN and patch merging)",
            "MixTransformerEncoderLayer",
            dict(
                in_channels=3, out_channels=6, patch_size=7, stride=4, padding=3, n_layers=1, reduction_ratio=2,
                num_heads=1, expansion_factor=4,
            ),
            [_map(1, 3, 16, 24, seed=9)],
            doubles=PARTS,
        ),
        _values(
            "three layers (with the same stand-ins)",
            "MixTransformerEncoderLayer",
            dict(
                in_channels=6, out_channels=10, patch_size=3, stride=2, padding=1, n_layers=3, reduction_ratio=4,
                num_heads=2, expansion_factor=2,
            ),
            [_map(2, 6, 9, 12, seed=10)],
            doubles=PARTS,
        ),
        PublicCheck(
            "every layer and both of its norms have weights of their own, and all are used",
            module_weights,
            dict(
                name="MixTransformerEncoderLayer",
                arguments=dict(
                    in_channels=3, out_channels=6, patch_size=3, stride=2, padding=1, n_layers=3, reduction_ratio=2,
                    num_heads=2, expansion_factor=2,
                ),
                inputs=[_map(1, 3, 8, 12, seed=15)],
                cotangent=_map(1, 6, 4, 6, seed=16),
                norms=True,
                doubles=PARTS,
            ),
        ),
    ),
)  # fmt: skip


def _pyramid(channels: tuple[int, ...], height: int, width: int, seed: int) -> list:
    numbers = Numbers(seed)
    return [
        numbers.normal(2, size, -(-height // 2**level), -(-width // 2**level)) for level, size in enumerate(channels)
    ]


DECODER = Task(
    "decoder",
    "2.5 The MLP decoder",
    (
        _values(
            "at the size of the first map (out_dims=None)",
            "MLPDecoder",
            dict(in_channels=[3, 5, 7, 9], embed_channels=11, out_dims=None, num_classes=4),
            [_pyramid((3, 5, 7, 9), 8, 12, seed=11)],
        ),
        _values(
            "at a size of its own",
            "MLPDecoder",
            dict(in_channels=[3, 5, 7, 9], embed_channels=8, out_dims=(12, 20), num_classes=3),
            [_pyramid((3, 5, 7, 9), 8, 12, seed=12)],
        ),
        PublicCheck(
            "the gradient by the four maps",
            module_gradients,
            dict(
                name="MLPDecoder",
                arguments=dict(in_channels=[3, 5, 7, 9], embed_channels=8, out_dims=None, num_classes=2),
                inputs=[_pyramid((3, 5, 7, 9), 4, 6, seed=13)],
                cotangent=_map(2, 2, 4, 6, seed=14),
            ),
        ),
    ),
)

TASKS = (PATCH_MERGING, ATTENTION, MIX_FFN, ENCODER_LAYER, DECODER)
