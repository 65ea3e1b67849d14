"""Keys and values fused, PyTorch's attention."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.heads, self.ratio = num_heads, reduction_ratio
        self.q, self.kv = nn.Conv2d(channels, channels, 1), nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)
        if reduction_ratio > 1:
            self.sr = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
            self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        B, C, H, W = x.shape
        q = self.q(x).reshape(B, self.heads, C // self.heads, H * W).transpose(2, 3)
        y = x.flatten(2).transpose(1, 2)
        if self.ratio > 1:
            y = self.norm(self.sr(x).flatten(2).transpose(1, 2))
        k, v = self.kv(y).reshape(B, -1, 2, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, H * W, C)
        return self.proj(out).transpose(1, 2).reshape(B, C, H, W)
