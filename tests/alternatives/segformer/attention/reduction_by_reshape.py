"""The reduction as nn.Linear over squares cut out by reshape, channels last."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels: int, reduction_ratio: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.ratio = reduction_ratio
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)
        if reduction_ratio > 1:
            self.merge = nn.Linear(reduction_ratio * reduction_ratio * channels, channels)
            self.norm = nn.LayerNorm(channels)

    def reduced(self, x: Tensor) -> Tensor:
        R = self.ratio
        B, H, W, C = x.shape
        if R == 1:
            return x.reshape(B, H * W, C)
        h, w = H // R, W // R
        x = x[:, : h * R, : w * R].reshape(B, h, R, w, R, C)
        x = x.permute(0, 1, 3, 2, 4, 5).reshape(B, h * w, R * R * C)  # row, column, channel
        return self.norm(self.merge(x))

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        B, H, W, C = x.shape
        d = C // self.num_heads
        q = self.q(x).reshape(B, H * W, self.num_heads, d).transpose(1, 2)
        kv = self.kv(self.reduced(x)).reshape(B, -1, 2, self.num_heads, d).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, kv[0], kv[1])
        y = self.proj(y.transpose(1, 2).reshape(B, H, W, C))
        return y.permute(0, 3, 1, 2)
