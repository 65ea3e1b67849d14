"""Every block a small nn.ModuleList of four parts."""


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
        self.merge = OverlapPatchMerging(in_channels, out_channels, patch_size, stride, padding)
        self.drop_path = DropPath(drop_path)
        self.blocks = nn.ModuleList()
        for _ in range(n_layers):
            parts = [
                LayerNorm2d(out_channels),
                EfficientSelfAttention(out_channels, reduction_ratio, num_heads),
                LayerNorm2d(out_channels),
                MixFFN(out_channels, expansion_factor),
            ]
            self.blocks.append(nn.ModuleList(parts))
        self.norm = LayerNorm2d(out_channels)

    def forward(self, x):
        x = self.merge(x)
        for norm1, attention, norm2, ffn in self.blocks:
            x = x + self.drop_path(attention(norm1(x)))
            x = x + self.drop_path(ffn(norm2(x)))
        return self.norm(x)
