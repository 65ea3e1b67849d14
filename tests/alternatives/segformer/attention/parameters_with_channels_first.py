"""Parameters of shape (C, heads, d), an output weight of shape (heads, d, C), tensordot."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads, self.d = num_heads, channels // num_heads
        shape = (channels, num_heads, self.d)
        self.query = nn.Parameter(torch.empty(shape))
        self.key = nn.Parameter(torch.empty(shape))
        self.value = nn.Parameter(torch.empty(shape))
        self.output = nn.Parameter(torch.empty(num_heads, self.d, channels))
        for weight in (self.query, self.key, self.value, self.output):
            nn.init.normal_(weight, std=1 / math.sqrt(channels))
        self.query_bias = nn.Parameter(torch.zeros(num_heads, self.d))
        self.key_bias = nn.Parameter(torch.zeros(num_heads, self.d))
        self.value_bias = nn.Parameter(torch.zeros(num_heads, self.d))
        self.output_bias = nn.Parameter(torch.zeros(channels))
        self.reduction_ratio = reduction_ratio
        if reduction_ratio > 1:
            self.reduction = nn.Conv2d(channels, channels, reduction_ratio, stride=reduction_ratio)
            self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        B, C, H, W = x.shape
        tokens = x.permute(0, 2, 3, 1).reshape(B, H * W, C)
        reduced = tokens
        if self.reduction_ratio > 1:
            reduced = self.norm(self.reduction(x).permute(0, 2, 3, 1).flatten(1, 2))
        q = torch.tensordot(tokens, self.query, dims=1) + self.query_bias  # (B, N, heads, d)
        k = torch.tensordot(reduced, self.key, dims=1) + self.key_bias
        v = torch.tensordot(reduced, self.value, dims=1) + self.value_bias
        scores = torch.einsum("bnhd,bmhd->bnhm", q, k) / math.sqrt(self.d)
        mixed = torch.einsum("bnhm,bmhd->bnhd", torch.softmax(scores, dim=-1), v)
        out = torch.tensordot(mixed, self.output, dims=2) + self.output_bias
        return out.reshape(B, H, W, C).permute(0, 3, 1, 2)
