"""nn.MultiheadAttention on sequences, channels last throughout."""


class TransformerBlock(nn.Module):
    def __init__(self, channels, num_heads, reduction_ratio, expansion):
        super().__init__()
        self.ratio = reduction_ratio
        self.before_attention, self.before_ffn = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, num_heads, batch_first=True)
        if reduction_ratio > 1:
            self.squares = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
            self.after_squares = nn.LayerNorm(channels)
        self.first = nn.Linear(channels, channels * expansion)
        self.depthwise = nn.Conv2d(channels * expansion, channels * expansion, 3, 1, 1, groups=channels * expansion)
        self.second = nn.Linear(channels * expansion, channels)

    def forward(self, x):
        H, W = x.shape[2:]
        tokens = x.flatten(2).transpose(1, 2)
        asking = answering = self.before_attention(tokens)
        if self.ratio > 1:
            as_map = asking.transpose(1, 2).unflatten(2, (H, W))
            answering = self.after_squares(self.squares(as_map).flatten(2).transpose(1, 2))
        tokens = tokens + self.attention(asking, answering, answering, need_weights=False)[0]
        wide = self.first(self.before_ffn(tokens)).transpose(1, 2).unflatten(2, (H, W))
        tokens = tokens + self.second(F.gelu(self.depthwise(wide)).flatten(2).transpose(1, 2))
        return tokens.transpose(1, 2).unflatten(2, (H, W))
