"""Four linear layers and F.scaled_dot_product_attention."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.wq = nn.Linear(channels, channels)
        self.wk = nn.Linear(channels, channels)
        self.wv = nn.Linear(channels, channels)
        self.wo = nn.Linear(channels, channels)
        self.sr = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio) if reduction_ratio > 1 else None
        self.ln = LayerNorm2d(channels) if reduction_ratio > 1 else None

    def forward(self, x):
        b, c, h, w = x.shape
        kv = x if self.sr is None else self.ln(self.sr(x))
        q = self.wq(x.permute(0, 2, 3, 1).reshape(b, h * w, c))
        kv = kv.permute(0, 2, 3, 1).reshape(b, -1, c)
        k, v = self.wk(kv), self.wv(kv)
        q, k, v = [t.view(b, -1, self.num_heads, c // self.num_heads).transpose(1, 2) for t in (q, k, v)]
        out = F.scaled_dot_product_attention(q, k, v)
        out = out.transpose(1, 2).contiguous().view(b, h * w, c)
        return self.wo(out).view(b, h, w, c).permute(0, 3, 1, 2)
