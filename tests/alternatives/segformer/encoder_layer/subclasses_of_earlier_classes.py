"""Branches with norm and residual as subclasses of attention and Mix-FFN."""


class AttentionBranch(EfficientSelfAttention):
    def __init__(self, channels, reduction_ratio, num_heads, drop_path):
        super().__init__(channels, reduction_ratio, num_heads)
        self.pre_norm = LayerNorm2d(channels)
        self.drop_path = DropPath(drop_path)

    def forward(self, x):
        return x + self.drop_path(super().forward(self.pre_norm(x)))


class FeedForwardBranch(MixFFN):
    def __init__(self, channels, expansion_factor, drop_path):
        super().__init__(channels, expansion_factor)
        self.pre_norm = LayerNorm2d(channels)
        self.drop_path = DropPath(drop_path)

    def forward(self, x):
        return x + self.drop_path(super().forward(self.pre_norm(x)))


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
        self.patch_merging = OverlapPatchMerging(in_channels, out_channels, patch_size, stride, padding)
        branches = []
        for _ in range(n_layers):
            branches.append(AttentionBranch(out_channels, reduction_ratio, num_heads, drop_path))
            branches.append(FeedForwardBranch(out_channels, expansion_factor, drop_path))
        self.branches = nn.Sequential(*branches)
        self.final_norm = LayerNorm2d(out_channels)

    def forward(self, x):
        return self.final_norm(self.branches(self.patch_merging(x)))
