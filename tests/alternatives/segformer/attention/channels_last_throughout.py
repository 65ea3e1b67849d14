"""Channels last throughout, positions kept as rows and columns."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.reduction_ratio = reduction_ratio
        self.to_query = nn.Linear(channels, channels)
        self.to_key_value = nn.Linear(channels, channels * 2)
        self.to_output = nn.Linear(channels, channels)
        if reduction_ratio > 1:
            self.shrink = nn.Conv2d(channels, channels, kernel_size=reduction_ratio, stride=reduction_ratio)
            self.shrink_norm = nn.LayerNorm(channels)

    def forward(self, x):
        last = x.permute(0, 2, 3, 1)  # (B, H, W, C)
        small = last
        if self.reduction_ratio > 1:
            small = self.shrink_norm(self.shrink(x).permute(0, 2, 3, 1))
        q = self.to_query(last).unflatten(-1, (self.num_heads, -1))
        k, v = self.to_key_value(small).unflatten(-1, (2, self.num_heads, -1)).unbind(dim=3)
        scores = torch.einsum("bijhd,bklhd->bhijkl", q, k) / math.sqrt(q.shape[-1])
        weights = scores.flatten(-2).softmax(dim=-1).view_as(scores)
        mixed = torch.einsum("bhijkl,bklhd->bijhd", weights, v).flatten(-2)
        return self.to_output(mixed).permute(0, 3, 1, 2)
