"""A wrapper for norm, branch and residual."""


class Residual(nn.Module):
    def __init__(self, channels: int, branch: nn.Module, drop_path: float):
        super().__init__()
        self.norm = LayerNorm2d(channels)
        self.branch = branch
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.drop_path(self.branch(self.norm(x)))


def transformer_block(channels, reduction_ratio, num_heads, expansion_factor, drop_path):
    return nn.Sequential(
        Residual(channels, EfficientSelfAttention(channels, reduction_ratio, num_heads), drop_path),
        Residual(channels, MixFFN(channels, expansion_factor), drop_path),
    )


class MixTransformerEncoderLayer(nn.Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        patch_size: int,
        stride: int,
        padding: int,
        n_layers: int,
        reduction_ratio: int,
        num_heads: int,
        expansion_factor: int,
        *,
        drop_path: float = 0.0,
    ):
        super().__init__()
        settings = (out_channels, reduction_ratio, num_heads, expansion_factor, drop_path)
        self.stage = nn.Sequential(
            OverlapPatchMerging(in_channels, out_channels, patch_size, stride, padding),
            *[transformer_block(*settings) for _ in range(n_layers)],
            LayerNorm2d(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.stage(x)
