"""The stage itself a subclass of nn.Sequential."""


class Block(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads, expansion_factor, drop_path):
        super().__init__()
        self.attend = nn.Sequential(
            LayerNorm2d(channels), EfficientSelfAttention(channels, reduction_ratio, num_heads), DropPath(drop_path)
        )
        self.feed = nn.Sequential(LayerNorm2d(channels), MixFFN(channels, expansion_factor), DropPath(drop_path))

    def forward(self, x):
        y = self.attend(x) + x
        return self.feed(y) + y


class MixTransformerEncoderLayer(nn.Sequential):
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
        self.append(OverlapPatchMerging(in_channels, out_channels, patch_size, stride, padding))
        for _ in range(n_layers):
            self.append(Block(out_channels, reduction_ratio, num_heads, expansion_factor, drop_path))
        self.append(LayerNorm2d(out_channels))
