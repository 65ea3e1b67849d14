"""Parameters of shape (heads, d, C) for queries, keys and values, an output weight (C, heads, d)."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        d = channels // num_heads
        std = channels**-0.5
        self.q_weight = nn.Parameter(std * torch.randn(num_heads, d, channels))
        self.k_weight = nn.Parameter(std * torch.randn(num_heads, d, channels))
        self.v_weight = nn.Parameter(std * torch.randn(num_heads, d, channels))
        self.q_bias, self.k_bias, self.v_bias = (nn.Parameter(torch.zeros(num_heads, d)) for _ in range(3))
        self.o_weight = nn.Parameter(std * torch.randn(channels, num_heads, d))
        self.o_bias = nn.Parameter(torch.zeros(channels))
        self.reduce = nn.Identity()
        if reduction_ratio > 1:
            self.reduce = nn.Sequential(
                nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio), LayerNorm2d(channels)
            )

    def heads(self, maps, weight, bias):
        return torch.einsum("bcn,hdc->bhdn", maps.flatten(2), weight) + bias[..., None]

    def forward(self, x):
        reduced = self.reduce(x)
        q = self.heads(x, self.q_weight, self.q_bias)
        k = self.heads(reduced, self.k_weight, self.k_bias)
        v = self.heads(reduced, self.v_weight, self.v_bias)
        weights = torch.softmax(q.transpose(2, 3) @ k / q.shape[2] ** 0.5, dim=-1)
        answers = v @ weights.transpose(2, 3)  # (B, heads, d, N)
        out = torch.einsum("bhdn,chd->bcn", answers, self.o_weight) + self.o_bias[:, None]
        return out.view(x.shape)
