"""One parameter of shape (3, heads, C, d) for queries, keys and values."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.d = channels // num_heads
        self.qkv = nn.Parameter(torch.randn(3, num_heads, channels, self.d) / channels**0.5)
        self.qkv_bias = nn.Parameter(torch.zeros(3, num_heads, self.d))
        self.output = nn.Linear(channels, channels)
        self.reduction = nn.Identity()
        if reduction_ratio > 1:
            self.reduction = nn.Sequential(
                nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio), LayerNorm2d(channels)
            )

    def forward(self, x):
        y = self.reduction(x)
        q = torch.einsum("bcn,hcd->bhnd", x.flatten(2), self.qkv[0]) + self.qkv_bias[0, :, None]
        k = torch.einsum("bcm,hcd->bhmd", y.flatten(2), self.qkv[1]) + self.qkv_bias[1, :, None]
        v = torch.einsum("bcm,hcd->bhmd", y.flatten(2), self.qkv[2]) + self.qkv_bias[2, :, None]
        weights = torch.einsum("bhnd,bhmd->bhnm", q, k).div(self.d**0.5).softmax(dim=-1)
        merged = torch.einsum("bhnm,bhmd->bnhd", weights, v).flatten(2)
        return self.output(merged).transpose(1, 2).reshape(x.shape)
