"""Attention and Mix-FFN of the first assignment pasted as classes of their own; keys and values fused."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)
        if reduction_ratio > 1:
            self.sr = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
            self.norm = nn.LayerNorm(channels)
        self.reduction_ratio = reduction_ratio

    def forward(self, x):
        B, C, H, W = x.shape
        d = C // self.num_heads
        tokens = x.flatten(2).transpose(1, 2)
        q = self.q(tokens).reshape(B, H * W, self.num_heads, d).transpose(1, 2)
        if self.reduction_ratio > 1:
            tokens = self.norm(self.sr(x).flatten(2).transpose(1, 2))
        k, v = self.kv(tokens).reshape(B, -1, 2, self.num_heads, d).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * d**-0.5).softmax(dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(B, H * W, C)).transpose(1, 2).reshape(B, C, H, W)


class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        hidden = channels * expansion_factor
        self.layers = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.GELU(),
            nn.Conv2d(hidden, channels, 1),
        )

    def forward(self, x):
        return self.layers(x)


class TransformerBlock(nn.Module):
    def __init__(self, channels, num_heads, reduction_ratio, expansion):
        super().__init__()
        self.norm1 = LayerNorm2d(channels)
        self.attention = EfficientSelfAttention(channels, reduction_ratio, num_heads)
        self.norm2 = LayerNorm2d(channels)
        self.ffn = MixFFN(channels, expansion)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.ffn(self.norm2(x))
