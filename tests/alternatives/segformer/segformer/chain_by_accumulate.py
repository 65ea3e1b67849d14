"""A partial constructor, and itertools.accumulate for the chain."""

from functools import partial
from itertools import accumulate


class SegFormer(nn.Module):
    def __init__(
        self,
        num_classes=4,
        *,
        channels=(32, 64, 160, 256),
        n_layers=(2, 2, 2, 2),
        reduction_ratios=(8, 4, 2, 1),
        num_heads=(1, 2, 5, 8),
        expansion_factor=4,
        embed_channels=256,
        out_dims=None,
        drop_path=0.0,
    ):
        super().__init__()
        first = partial(MixTransformerEncoderLayer, patch_size=7, stride=4, padding=3)
        later = partial(MixTransformerEncoderLayer, patch_size=3, stride=2, padding=1)
        settings = zip((3, *channels), channels, n_layers, reduction_ratios, num_heads, strict=False)
        self.stages = nn.ModuleList(
            make(
                in_channels=inputs,
                out_channels=outputs,
                n_layers=layers,
                reduction_ratio=ratio,
                num_heads=heads,
                expansion_factor=expansion_factor,
            )
            for make, (inputs, outputs, layers, ratio, heads) in zip(
                (first, later, later, later), settings, strict=True
            )
        )
        self.decoder = MLPDecoder(list(channels), embed_channels, out_dims, num_classes)

    def forward(self, images):
        _, *features = accumulate(self.stages, lambda x, stage: stage(x), initial=images)
        return self.decoder(features)
