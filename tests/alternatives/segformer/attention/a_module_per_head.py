"""A small module for every head."""


class Head(nn.Module):
    def __init__(self, channels: int, size: int):
        super().__init__()
        self.size = size
        self.query = nn.Linear(channels, size)
        self.key = nn.Linear(channels, size)
        self.value = nn.Linear(channels, size)

    def forward(self, tokens: Tensor, reduced: Tensor) -> Tensor:
        q, k, v = self.query(tokens), self.key(reduced), self.value(reduced)
        weights = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(self.size), dim=-1)
        return weights @ v


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels: int, reduction_ratio: int, num_heads: int):
        super().__init__()
        self.reduction = None
        if reduction_ratio > 1:
            self.reduction = nn.Conv2d(channels, channels, reduction_ratio, stride=reduction_ratio)
            self.norm = nn.LayerNorm(channels)
        self.heads = nn.ModuleList([Head(channels, channels // num_heads) for _ in range(num_heads)])
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        tokens = x.view(B, C, H * W).permute(0, 2, 1)
        reduced = tokens
        if self.reduction is not None:
            reduced = self.norm(self.reduction(x).flatten(2).permute(0, 2, 1))
        y = torch.cat([head(tokens, reduced) for head in self.heads], dim=2)
        return self.proj(y).permute(0, 2, 1).reshape(B, C, H, W)
