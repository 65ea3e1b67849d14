"""Shorter names for the earlier classes."""

PatchMerging = OverlapPatchMerging
Attention = EfficientSelfAttention
FeedForward = MixFFN


class TransformerBlock(nn.Module):
    def __init__(
        self, channels: int, reduction_ratio: int, num_heads: int, expansion_factor: int, drop_path: float = 0.0
    ):
        super().__init__()
        self.drop_path = DropPath(drop_path)
        self.norm1 = LayerNorm2d(channels)
        self.attention = Attention(channels, reduction_ratio, num_heads)
        self.norm2 = LayerNorm2d(channels)
        self.ffn = FeedForward(channels, expansion_factor)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.attention(self.norm1(x)))
        return x + self.drop_path(self.ffn(self.norm2(x)))


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
        self.patches = PatchMerging(in_channels, out_channels, patch_size, stride, padding)
        self.blocks = nn.ModuleList(
            [
                TransformerBlock(out_channels, reduction_ratio, num_heads, expansion_factor, drop_path)
                for _ in range(n_layers)
            ]
        )
        self.norm = LayerNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)
