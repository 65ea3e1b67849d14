"""Queries, keys and values from one 1x1 convolution, channel by channel."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Conv2d(channels, 3 * channels, kernel_size=1)
        self.proj = nn.Conv2d(channels, channels, kernel_size=1)
        self.reduce = nn.Identity()
        if reduction_ratio != 1:
            conv = nn.Conv2d(channels, channels, reduction_ratio, stride=reduction_ratio)
            self.reduce = nn.Sequential(conv, LayerNorm2d(channels))

    def forward(self, x):
        B, C, H, W = x.shape
        heads, d = self.num_heads, C // self.num_heads
        q = self.qkv(x).reshape(B, heads, d, 3, H * W)[:, :, :, 0]
        kv = self.qkv(self.reduce(x)).flatten(2).reshape(B, heads, d, 3, -1)
        k, v = kv[:, :, :, 1], kv[:, :, :, 2]
        scores = torch.einsum("bhdn,bhdm->bhnm", q, k) / d**0.5
        mixed = torch.einsum("bhnm,bhdm->bhdn", scores.softmax(-1), v)
        return self.proj(mixed.reshape(B, C, H, W))
