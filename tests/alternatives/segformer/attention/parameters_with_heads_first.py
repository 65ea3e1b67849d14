"""Parameters of shape (heads, C, d), an output weight of shape (heads, d, C), einsum."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        d = channels // num_heads
        self.scale = d**-0.5
        self.W_q = nn.Parameter(torch.randn(num_heads, channels, d) * channels**-0.5)
        self.W_k = nn.Parameter(torch.randn(num_heads, channels, d) * channels**-0.5)
        self.W_v = nn.Parameter(torch.randn(num_heads, channels, d) * channels**-0.5)
        self.W_o = nn.Parameter(torch.randn(num_heads, d, channels) * channels**-0.5)
        self.b_q = nn.Parameter(torch.zeros(num_heads, 1, d))
        self.b_k = nn.Parameter(torch.zeros(num_heads, 1, d))
        self.b_v = nn.Parameter(torch.zeros(num_heads, 1, d))
        self.b_o = nn.Parameter(torch.zeros(channels))
        self.reduction = nn.Identity()
        if reduction_ratio > 1:
            shrink = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
            self.reduction = nn.Sequential(shrink, LayerNorm2d(channels))

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        reduced = self.reduction(x).flatten(2).transpose(1, 2)
        q = torch.einsum("bnc,hcd->bhnd", tokens, self.W_q) + self.b_q
        k = torch.einsum("bmc,hcd->bhmd", reduced, self.W_k) + self.b_k
        v = torch.einsum("bmc,hcd->bhmd", reduced, self.W_v) + self.b_v
        weights = torch.softmax(torch.einsum("bhnd,bhmd->bhnm", q, k) * self.scale, dim=-1)
        heads = torch.einsum("bhnm,bhmd->bhnd", weights, v)
        out = torch.einsum("bhnd,hdc->bcn", heads, self.W_o) + self.b_o[:, None]
        return out.reshape(x.shape)
