"""A parameter of shape (C, 2C) for keys and values, used as x @ W."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.W_q = nn.Parameter(torch.empty(channels, channels))
        self.W_kv = nn.Parameter(torch.empty(channels, 2 * channels))
        self.W_o = nn.Parameter(torch.empty(channels, channels))
        for matrix in (self.W_q, self.W_kv, self.W_o):
            nn.init.xavier_uniform_(matrix)
        self.b_q = nn.Parameter(torch.zeros(channels))
        self.b_kv = nn.Parameter(torch.zeros(2 * channels))
        self.b_o = nn.Parameter(torch.zeros(channels))
        self.reduction_ratio = reduction_ratio
        if reduction_ratio > 1:
            self.sr = nn.Conv2d(channels, channels, reduction_ratio, stride=reduction_ratio)
            self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        B, C, H, W = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        reduced = tokens
        if self.reduction_ratio > 1:
            reduced = self.norm(self.sr(x).flatten(2).transpose(1, 2))
        q = tokens @ self.W_q + self.b_q
        k, v = (reduced @ self.W_kv + self.b_kv).chunk(2, dim=-1)
        q, k, v = (t.reshape(B, -1, self.num_heads, C // self.num_heads).transpose(1, 2) for t in (q, k, v))
        weights = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(C // self.num_heads), dim=-1)
        merged = (weights @ v).transpose(1, 2).reshape(B, H * W, C)
        return (merged @ self.W_o + self.b_o).transpose(1, 2).reshape(B, C, H, W)
