"""The parts of all blocks in one flat list, taken four at a time."""


class MixTransformerEncoderLayer(nn.Module):
    def __init__(
        self,
        in_channels,
        out_channels,
        patch_size,
        stride,
        padding,
        n_layers,
        reduction_ratio,
        num_heads,
        expansion_factor,
        *,
        drop_path=0.0,
    ):
        super().__init__()
        self.parts = nn.ModuleList([OverlapPatchMerging(in_channels, out_channels, patch_size, stride, padding)])
        for _ in range(n_layers):
            self.parts.extend(
                (
                    LayerNorm2d(out_channels),
                    EfficientSelfAttention(out_channels, reduction_ratio=reduction_ratio, num_heads=num_heads),
                    LayerNorm2d(out_channels),
                    MixFFN(out_channels, expansion_factor),
                )
            )
        self.parts.append(LayerNorm2d(out_channels))
        self.drop = DropPath(drop_path)

    def forward(self, x):
        merging, *layers, last_norm = self.parts
        x = merging(x)
        for i in range(0, len(layers), 2):
            norm, branch = layers[i], layers[i + 1]
            x = x + self.drop(branch(norm(x)))
        return last_norm(x)
