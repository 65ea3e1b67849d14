"""An output layer for every head, summed up."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        d = channels // num_heads
        self.num_heads = num_heads
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.outputs = nn.ModuleList([nn.Linear(d, channels, bias=False) for _ in range(num_heads)])
        self.output_bias = nn.Parameter(torch.zeros(channels))
        self.ratio = reduction_ratio
        if reduction_ratio > 1:
            self.sr = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
            self.norm = LayerNorm2d(channels)

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        reduced = self.norm(self.sr(x)).flatten(2).transpose(1, 2) if self.ratio > 1 else tokens
        queries = self.query(tokens).chunk(self.num_heads, dim=-1)
        keys = self.key(reduced).chunk(self.num_heads, dim=-1)
        values = self.value(reduced).chunk(self.num_heads, dim=-1)
        result = self.output_bias
        for q, k, v, output in zip(queries, keys, values, self.outputs, strict=True):
            result = result + output(F.scaled_dot_product_attention(q, k, v))
        return result.transpose(1, 2).reshape(x.shape)
