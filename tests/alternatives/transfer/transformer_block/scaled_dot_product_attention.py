"""F.scaled_dot_product_attention, one layer for queries, keys and values where there is no reduction."""


class TransformerBlock(nn.Module):
    def __init__(self, channels, num_heads, reduction_ratio, expansion):
        super().__init__()
        self.num_heads, self.reduced = num_heads, reduction_ratio > 1
        self.norms = nn.ModuleList([LayerNorm2d(channels) for _ in range(2)])
        if self.reduced:
            self.smaller = nn.Sequential(
                nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio), LayerNorm2d(channels)
            )
            self.query, self.key_value = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, 2 * channels, 1)
        else:
            self.all_three = nn.Conv2d(channels, 3 * channels, 1)
        self.output = nn.Conv2d(channels, channels, 1)
        hidden = channels * expansion
        self.ffn = nn.ModuleDict(
            {"a": nn.Conv2d(channels, hidden, 1), "b": nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)}
        )
        self.last = nn.Conv2d(hidden, channels, 1)

    def split(self, maps):
        B, C = maps.shape[:2]
        return maps.reshape(B, self.num_heads, C // self.num_heads, -1).transpose(2, 3)

    def forward(self, x):
        normed = self.norms[0](x)
        if self.reduced:
            q = self.query(normed)
            k, v = self.key_value(self.smaller(normed)).chunk(2, dim=1)
        else:
            q, k, v = self.all_three(normed).chunk(3, dim=1)
        answers = F.scaled_dot_product_attention(self.split(q), self.split(k), self.split(v))
        x = x + self.output(answers.transpose(2, 3).reshape(x.shape))
        return x + self.last(F.gelu(self.ffn["b"](self.ffn["a"](self.norms[1](x)))))
