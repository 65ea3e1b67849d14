"""A linear layer for queries, keys and values of every head."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        d = channels // num_heads
        self.queries = nn.ModuleList([nn.Linear(channels, d) for _ in range(num_heads)])
        self.keys = nn.ModuleList([nn.Linear(channels, d) for _ in range(num_heads)])
        self.values = nn.ModuleList([nn.Linear(channels, d) for _ in range(num_heads)])
        self.output = nn.Linear(channels, channels)
        self.scale = d**-0.5
        self.reduction_ratio = reduction_ratio
        if reduction_ratio > 1:
            self.reduction = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
            self.norm = LayerNorm2d(channels)

    def forward(self, x):
        reduced = x
        if self.reduction_ratio > 1:
            reduced = self.norm(self.reduction(x))
        tokens = x.flatten(2).transpose(1, 2)
        reduced = reduced.flatten(2).transpose(1, 2)
        heads = []
        for query, key, value in zip(self.queries, self.keys, self.values, strict=True):
            scores = query(tokens) @ key(reduced).transpose(1, 2) * self.scale
            heads.append(scores.softmax(dim=-1) @ value(reduced))
        return self.output(torch.cat(heads, dim=-1)).transpose(1, 2).reshape(x.shape)
