"""The last layer registered first."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.output = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.query = nn.Linear(channels, channels)
        if reduction_ratio > 1:
            self.norm = nn.LayerNorm(channels)
            self.conv = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
        self.num_heads = num_heads
        self.reduced = reduction_ratio > 1

    def forward(self, x):
        B, C, H, W = x.shape
        tokens = reduced = x.flatten(2).transpose(1, 2)
        if self.reduced:
            reduced = self.norm(self.conv(x).flatten(2).transpose(1, 2))

        def heads(t):
            return t.reshape(B, -1, self.num_heads, C // self.num_heads).transpose(1, 2)

        weights = heads(self.query(tokens)) @ heads(self.key(reduced)).transpose(-1, -2)
        weights = (weights * (C // self.num_heads) ** -0.5).softmax(-1)
        answer = (weights @ heads(self.value(reduced))).transpose(1, 2).reshape(B, H * W, C)
        return self.output(answer).transpose(1, 2).reshape(B, C, H, W)
