"""Queries, keys and values from one layer, whose parts are used on their own."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.channels, self.ratio, self.heads = channels, reduction_ratio, num_heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        if self.ratio > 1:
            self.reduce = nn.Conv2d(channels, channels, kernel_size=reduction_ratio, stride=reduction_ratio)
            self.reduce_norm = nn.LayerNorm(channels)

    def forward(self, x):
        B, C, H, W = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        if self.ratio == 1:
            q, k, v = self.qkv(tokens).split(C, dim=2)
        else:
            reduced = self.reduce_norm(self.reduce(x).flatten(2).transpose(1, 2))
            q = F.linear(tokens, self.qkv.weight[:C], self.qkv.bias[:C])
            k, v = F.linear(reduced, self.qkv.weight[C:], self.qkv.bias[C:]).split(C, dim=2)
        q, k, v = (t.reshape(B, -1, self.heads, C // self.heads).permute(0, 2, 1, 3) for t in (q, k, v))
        attention = torch.softmax(q @ k.transpose(2, 3) * (C // self.heads) ** -0.5, dim=3)
        y = (attention @ v).permute(0, 2, 1, 3).reshape(B, H * W, C)
        return self.proj(y).permute(0, 2, 1).reshape(B, C, H, W)
