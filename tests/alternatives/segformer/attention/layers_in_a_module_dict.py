"""The layers in an nn.ModuleDict, used by name."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads = num_heads
        names = ("query", "key", "value", "output")
        self.linear = nn.ModuleDict({name: nn.Linear(channels, channels) for name in names})
        self.reduction = nn.ModuleDict()
        if reduction_ratio > 1:
            self.reduction["conv"] = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
            self.reduction["norm"] = LayerNorm2d(channels)

    def forward(self, x):
        B, C, H, W = x.shape
        source = x
        for layer in self.reduction.values():
            source = layer(source)
        parts = {}
        for name, maps in (("query", x), ("key", source), ("value", source)):
            sequence = self.linear[name](maps.flatten(2).transpose(1, 2))
            parts[name] = sequence.reshape(B, -1, self.num_heads, C // self.num_heads).transpose(1, 2)
        scores = parts["query"] @ parts["key"].transpose(2, 3) / math.sqrt(C // self.num_heads)
        answer = (torch.softmax(scores, dim=-1) @ parts["value"]).transpose(1, 2).flatten(2)
        return self.linear["output"](answer).transpose(1, 2).reshape(B, C, H, W)
