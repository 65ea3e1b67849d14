"""nn.MultiheadAttention."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, num_heads, batch_first=True)
        self.reduction = (
            nn.Identity()
            if reduction_ratio == 1
            else nn.Sequential(nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio), LayerNorm2d(channels))
        )

    def forward(self, x):
        queries, keys = (maps.flatten(2).transpose(1, 2) for maps in (x, self.reduction(x)))
        return self.attention(queries, keys, keys, need_weights=False)[0].transpose(1, 2).reshape(x.shape)
