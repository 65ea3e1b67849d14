"""The reduction as nn.Linear over patches from F.unfold."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.R = reduction_ratio
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.out = nn.Linear(channels, channels)
        if self.R > 1:
            self.reduction = nn.Linear(channels * self.R**2, channels)  # equation 2
            self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        B, C, H, W = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        if self.R > 1:
            patches = F.unfold(x, kernel_size=self.R, stride=self.R).transpose(1, 2)  # (B, M, C * R * R)
            reduced = self.norm(self.reduction(patches))
        else:
            reduced = tokens
        q, k, v = self.query(tokens), self.key(reduced), self.value(reduced)
        q, k, v = (t.reshape(B, -1, self.num_heads, C // self.num_heads).transpose(1, 2) for t in (q, k, v))
        attention = (q @ k.transpose(2, 3) / math.sqrt(C // self.num_heads)).softmax(dim=-1)
        out = (attention @ v).transpose(1, 2).reshape(B, H * W, C)
        return self.out(out).transpose(1, 2).reshape(B, C, H, W)
