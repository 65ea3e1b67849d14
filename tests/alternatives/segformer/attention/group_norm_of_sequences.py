"""nn.GroupNorm with one group on single positions, keys before queries."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.ratio = reduction_ratio
        if reduction_ratio > 1:
            self.pooling = nn.Conv2d(channels, channels, reduction_ratio, stride=reduction_ratio, padding=0)
            self.norm = nn.GroupNorm(1, channels)
        self.k = nn.Linear(channels, channels)
        self.v = nn.Linear(channels, channels)
        self.q = nn.Linear(channels, channels)
        self.fc = nn.Linear(channels, channels)
        self.heads = num_heads
        self.scale = math.sqrt(channels / num_heads)

    def forward(self, x):
        B, C, H, W = x.shape
        y = x
        if self.ratio > 1:
            y = self.pooling(x)
        y = y.permute(0, 2, 3, 1).reshape(-1, C)
        if self.ratio > 1:
            y = self.norm(y)
        y = y.reshape(B, -1, C)
        M = y.shape[1]
        k = self.k(y).reshape(B, M, self.heads, -1).permute(0, 2, 3, 1)
        v = self.v(y).reshape(B, M, self.heads, -1).permute(0, 2, 1, 3)
        q = self.q(x.permute(0, 2, 3, 1)).reshape(B, H * W, self.heads, -1).permute(0, 2, 1, 3)
        out = torch.softmax(q @ k / self.scale, dim=-1) @ v
        out = self.fc(out.permute(0, 2, 1, 3).reshape(B, H, W, C))
        return out.permute(0, 3, 1, 2)
