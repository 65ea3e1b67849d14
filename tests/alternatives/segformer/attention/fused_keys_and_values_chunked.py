"""Keys and values from one layer, cut in two with chunk."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels: int, reduction_ratio: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.head_dim = channels // num_heads
        self.reduction_ratio = reduction_ratio
        self.to_q = nn.Linear(channels, channels)
        self.to_kv = nn.Linear(channels, 2 * channels)
        self.to_out = nn.Linear(channels, channels)
        if reduction_ratio > 1:
            self.sr = nn.Conv2d(channels, channels, reduction_ratio, stride=reduction_ratio)
            self.norm = LayerNorm2d(channels)

    def split(self, t: Tensor) -> Tensor:
        B, L, _ = t.shape
        return t.view(B, L, self.num_heads, self.head_dim).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        reduced = self.norm(self.sr(x)) if self.reduction_ratio > 1 else x
        q = self.to_q(x.flatten(2).transpose(1, 2))
        k, v = self.to_kv(reduced.flatten(2).transpose(1, 2)).chunk(2, dim=-1)
        q, k, v = self.split(q), self.split(k), self.split(v)
        scores = torch.matmul(q, k.transpose(-1, -2)) / self.head_dim**0.5
        out = torch.matmul(scores.softmax(dim=-1), v)
        out = out.transpose(1, 2).reshape(B, H * W, C)
        return self.to_out(out).transpose(1, 2).reshape(B, C, H, W)
