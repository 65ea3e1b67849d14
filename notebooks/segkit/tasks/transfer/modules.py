"""Public checks of 03_segformer: small maps that are not square, so that swapped axes show."""

from segkit.checking.inputs import Numbers
from segkit.checking.probes import module_gradients, module_output, module_weights
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.transfer.module_probes import weights_of_parts

PARTS = ("PatchEmbedding", "TransformerBlock", "SegFormerHead")


def _map(seed: int, *shape: int):
    return Numbers(seed).normal(*shape)


def _values(title: str, name: str, arguments: dict, inputs: list, **more) -> PublicCheck:
    return PublicCheck(title, module_output, dict(name=name, arguments=arguments, inputs=inputs, **more))


PATCH_EMBEDDING = Task(
    "patch_embedding",
    "3.1 Patch embedding",
    (
        _values(
            "first stage: patches of 7, every 4 pixels",
            "PatchEmbedding",
            dict(in_channels=3, out_channels=8, patch_size=7, stride=4),
            [10 * _map(1301, 2, 3, 16, 24)],  # large: the eps of the norm does not matter
        ),
        _values(
            "later stages: patches of 3, every 2 positions, odd sizes",
            "PatchEmbedding",
            dict(in_channels=6, out_channels=10, patch_size=3, stride=2),
            [10 * _map(1302, 1, 6, 9, 13)],
        ),
    ),
)


def _block(channels: int, num_heads: int, reduction_ratio: int, expansion: int) -> dict:
    return dict(channels=channels, num_heads=num_heads, reduction_ratio=reduction_ratio, expansion=expansion)


TRANSFORMER_BLOCK = Task(
    "transformer_block",
    "3.2 The transformer block",
    (
        _values("one head, no reduction", "TransformerBlock", _block(6, 1, 1, 5), [3 * _map(1303, 1, 6, 3, 5)]),
        _values("four heads, no reduction", "TransformerBlock", _block(12, 4, 1, 5), [3 * _map(1304, 2, 12, 3, 4)]),
        _values(
            "four heads, keys and values from a map half as high and wide",
            "TransformerBlock",
            _block(12, 4, 2, 5),
            [3 * _map(1305, 1, 12, 4, 6)],
        ),
        PublicCheck(
            "as many weights as the design has, all of them used",
            module_weights,
            dict(
                name="TransformerBlock",
                arguments=_block(12, 4, 2, 5),
                inputs=[3 * _map(1306, 1, 12, 4, 6)],
                cotangent=_map(1307, 1, 12, 4, 6),
            ),
        ),
    ),
)


def _pyramid(seed: int, channels: tuple[int, ...], height: int, width: int) -> list:
    numbers = Numbers(seed)
    return [
        numbers.normal(2, size, -(-height // 2**level), -(-width // 2**level)) for level, size in enumerate(channels)
    ]


SEGFORMER_HEAD = Task(
    "segformer_head",
    "3.3 The head",
    (
        _values(
            "four maps, each half as large as the one before",
            "SegFormerHead",
            dict(in_channels=[3, 5, 7, 9], embed_channels=11, num_classes=3),
            [_pyramid(1308, (3, 5, 7, 9), 8, 16)],
        ),
        _values(
            "three maps of odd sizes",
            "SegFormerHead",
            dict(in_channels=[4, 5, 7], embed_channels=9, num_classes=2),
            [_pyramid(1309, (4, 5, 7), 9, 13)],
        ),
        PublicCheck(
            "the gradient by the maps",
            module_gradients,
            dict(
                name="SegFormerHead",
                arguments=dict(in_channels=[3, 5, 7, 9], embed_channels=8, num_classes=2),
                inputs=[_pyramid(1310, (3, 5, 7, 9), 4, 6)],
                cotangent=_map(1311, 2, 2, 4, 6),
            ),
        ),
    ),
)

OTHER = dict(
    num_classes=5, channels=(8, 12, 20, 16), depths=(1, 2, 1, 3), num_heads=(2, 4, 5, 2), reduction_ratios=(4, 2, 1, 1),
    expansion=3, embed_channels=10,
)  # fmt: skip

PET_SEGFORMER = Task(
    "pet_segformer",
    "3.4 The whole model",
    (
        _values(
            "the default settings (with stand-ins for your three modules)",
            "PetSegFormer",
            dict(num_classes=3),
            [_map(1312, 1, 3, 32, 64)],
            doubles=PARTS,
        ),
        _values(
            "other settings, and an image of 50 x 67 (with the same stand-ins)",
            "PetSegFormer",
            OTHER,
            [_map(1313, 1, 3, 50, 67)],
            doubles=PARTS,
        ),
        PublicCheck(
            "all weights are in `encoder` or in `head`",
            weights_of_parts,
            dict(name="PetSegFormer", arguments=OTHER, inputs=[_map(1314, 1, 3, 32, 32)], doubles=PARTS),
        ),
    ),
)

TASKS = (PATCH_EMBEDDING, TRANSFORMER_BLOCK, SEGFORMER_HEAD, PET_SEGFORMER)
