"""Weights and biases in two dictionaries, F.linear and F.conv2d."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels: int, reduction_ratio: int, num_heads: int):
        super().__init__()
        self.channels, self.ratio, self.heads = channels, reduction_ratio, num_heads
        names = ["query", "key", "value", "output"]
        self.weights = nn.ParameterDict({name: torch.empty(channels, channels) for name in names})
        self.biases = nn.ParameterDict({name: torch.zeros(channels) for name in names})
        if reduction_ratio > 1:
            self.weights["reduction"] = nn.Parameter(torch.empty(channels, channels, reduction_ratio, reduction_ratio))
            self.biases["reduction"] = nn.Parameter(torch.zeros(channels))
            self.weights["norm"] = nn.Parameter(torch.ones(channels))
            self.biases["norm"] = nn.Parameter(torch.zeros(channels))
        for name in self.weights:
            if name != "norm":
                nn.init.xavier_normal_(self.weights[name])

    def linear(self, name: str, sequence: Tensor) -> Tensor:
        return F.linear(sequence, self.weights[name], self.biases[name])

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        tokens = reduced = x.flatten(2).transpose(1, 2)
        if self.ratio > 1:
            reduced = F.conv2d(x, self.weights["reduction"], self.biases["reduction"], stride=self.ratio)
            reduced = reduced.flatten(2).transpose(1, 2)
            reduced = F.layer_norm(reduced, (C,), self.weights["norm"], self.biases["norm"])
        q, k, v = self.linear("query", tokens), self.linear("key", reduced), self.linear("value", reduced)
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.linear("output", y).transpose(1, 2).reshape(B, C, H, W)
