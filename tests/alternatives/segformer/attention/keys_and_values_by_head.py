"""Keys and values from one layer, head by head."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.d = channels // num_heads
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)
        self.out = nn.Linear(channels, channels)
        self.reduction = nn.Sequential()
        if reduction_ratio > 1:
            self.reduction.append(nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio))
            self.reduction.append(LayerNorm2d(channels))

    def forward(self, x):
        B, C, H, W = x.shape
        N = H * W
        q = self.query(x.flatten(2).transpose(1, 2)).reshape(B, N, self.num_heads, self.d).transpose(1, 2)
        y = self.reduction(x).flatten(2).transpose(1, 2)
        M = y.shape[1]
        kv = self.key_value(y).reshape(B, M, self.num_heads, 2, self.d)
        k = kv[:, :, :, 0].transpose(1, 2)
        v = kv[:, :, :, 1].transpose(1, 2)
        weights = F.softmax(q @ k.transpose(-2, -1) / math.sqrt(self.d), dim=-1)
        y = (weights @ v).transpose(1, 2).reshape(B, N, C)
        return self.out(y).transpose(1, 2).reshape(B, C, H, W)
