"""Queries, keys and values from one layer, head by head."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels: int, reduction_ratio: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)
        self.sr = None
        if reduction_ratio > 1:
            self.sr = nn.Sequential(
                nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio), LayerNorm2d(channels)
            )

    def project(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        B, C, H, W = features.shape
        qkv = self.qkv(features.flatten(2).transpose(1, 2))
        qkv = qkv.view(B, H * W, self.num_heads, 3, C // self.num_heads)
        return qkv.permute(3, 0, 2, 1, 4).unbind(0)  # each (B, heads, positions, d)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.project(x)
        if self.sr is not None:
            _, k, v = self.project(self.sr(x))
        y = F.scaled_dot_product_attention(q, k, v)  # (B, heads, N, d)
        y = self.output(y.transpose(1, 2).flatten(2))
        return y.transpose(1, 2).view_as(x)
