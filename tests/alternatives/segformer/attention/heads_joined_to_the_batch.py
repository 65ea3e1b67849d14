"""Heads joined to the batch, torch.bmm."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels: int, reduction_ratio: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.q_linear = nn.Linear(channels, channels)
        self.k_linear = nn.Linear(channels, channels)
        self.v_linear = nn.Linear(channels, channels)
        self.out_linear = nn.Linear(channels, channels)
        self.spatial_reduction = nn.Identity()
        if reduction_ratio > 1:
            self.spatial_reduction = nn.Sequential(
                nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio), LayerNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        h, d = self.num_heads, C // self.num_heads
        source = self.spatial_reduction(x).flatten(2).transpose(1, 2)
        q = self.q_linear(x.flatten(2).transpose(1, 2))
        k, v = self.k_linear(source), self.v_linear(source)
        q, k, v = (t.reshape(B, -1, h, d).transpose(1, 2).reshape(B * h, -1, d) for t in (q, k, v))
        scores = torch.bmm(q, k.transpose(1, 2)) / d**0.5
        out = torch.bmm(F.softmax(scores, dim=-1), v)  # (B * h, N, d)
        out = out.reshape(B, h, H * W, d).transpose(1, 2).reshape(B, H * W, C)
        return self.out_linear(out).transpose(1, 2).reshape(B, C, H, W)
