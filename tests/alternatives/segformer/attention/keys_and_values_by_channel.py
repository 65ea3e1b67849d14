"""Keys and values from one layer, channel by channel."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.heads = num_heads
        self.R = reduction_ratio
        self.q_proj = nn.Linear(channels, channels)
        self.kv_proj = nn.Linear(channels, channels * 2)
        self.o_proj = nn.Linear(channels, channels)
        if self.R > 1:
            self.shrink = nn.Conv2d(channels, channels, self.R, self.R)
            self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        B, C, H, W = x.shape
        d = C // self.heads
        seq = x.reshape(B, C, H * W).transpose(1, 2)
        q = self.q_proj(seq).reshape(B, H * W, self.heads, d).transpose(1, 2)
        if self.R > 1:
            seq = self.norm(self.shrink(x).flatten(2).transpose(1, 2))
        kv = self.kv_proj(seq).reshape(B, seq.shape[1], self.heads, d, 2).transpose(1, 2)
        k, v = kv.unbind(dim=-1)
        attn = (q @ k.transpose(-2, -1)) / d**0.5
        attn = attn.softmax(dim=-1)
        out = (attn @ v).transpose(1, 2).reshape(B, H * W, C)
        out = self.o_proj(out)
        return out.transpose(1, 2).reshape(B, C, H, W)
