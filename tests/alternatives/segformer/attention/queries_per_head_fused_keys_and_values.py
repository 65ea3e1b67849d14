"""A query layer per head, and one fused layer for all keys and values."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.head_size = channels // num_heads
        self.query_layers = nn.ModuleList(nn.Linear(channels, self.head_size) for _ in range(num_heads))
        self.kv = nn.Linear(channels, 2 * channels)
        self.linear = nn.Linear(channels, channels)
        self.reduction_ratio = reduction_ratio
        if reduction_ratio > 1:
            self.conv = nn.Conv2d(channels, channels, kernel_size=reduction_ratio, stride=reduction_ratio)
            self.ln = nn.LayerNorm(channels)

    def forward(self, x):
        B, C, H, W = x.shape
        sequence = x.flatten(2).transpose(1, 2)
        reduced = sequence
        if self.reduction_ratio > 1:
            reduced = self.ln(self.conv(x).flatten(2).transpose(1, 2))
        keys, values = self.kv(reduced).tensor_split(2, dim=-1)
        heads = []
        for h in range(self.num_heads):
            block = slice(h * self.head_size, (h + 1) * self.head_size)
            scores = self.query_layers[h](sequence) @ keys[..., block].transpose(1, 2)
            weights = torch.softmax(scores / math.sqrt(self.head_size), dim=2)
            heads.append(weights @ values[..., block])
        return self.linear(torch.cat(heads, dim=2)).transpose(1, 2).reshape(B, C, H, W)
