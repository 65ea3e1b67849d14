"""Lists of parts, norms of its own."""


class Norm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        centred = x - x.mean(dim=1, keepdim=True)
        scaled = centred / (x.var(dim=1, unbiased=False, keepdim=True) + 1e-6).sqrt()
        return scaled * self.gamma.view(1, -1, 1, 1) + self.beta.view(1, -1, 1, 1)


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
    ):
        super().__init__()
        self.embed = OverlapPatchMerging(
            in_channels, out_channels, patch_size=patch_size, stride=stride, padding=padding
        )
        self.attentions = nn.ModuleList(
            [
                EfficientSelfAttention(out_channels, num_heads=num_heads, reduction_ratio=reduction_ratio)
                for _ in range(n_layers)
            ]
        )
        self.ffns = nn.ModuleList(
            [MixFFN(channels=out_channels, expansion_factor=expansion_factor) for _ in range(n_layers)]
        )
        self.norms = nn.ModuleList([Norm(out_channels) for _ in range(2 * n_layers + 1)])

    def forward(self, x):
        x = self.embed(x)
        norms = iter(self.norms)
        for attention, ffn in zip(self.attentions, self.ffns, strict=True):
            x = x + attention(next(norms)(x))
            x = x + ffn(next(norms)(x))
        return next(norms)(x)
