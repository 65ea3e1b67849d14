"""Matrices of shape (in, out) and einsum, F.conv2d for the filters."""


class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        hidden = channels * expansion_factor
        self.W1 = nn.Parameter(torch.randn(channels, hidden) / channels**0.5)
        self.b1 = nn.Parameter(torch.zeros(hidden))
        self.filters = nn.Parameter(torch.randn(hidden, 1, 3, 3) / 3)
        self.filter_bias = nn.Parameter(torch.zeros(hidden))
        self.W2 = nn.Parameter(torch.randn(hidden, channels) / hidden**0.5)
        self.b2 = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        x = torch.einsum("bchw,cd->bdhw", x, self.W1) + self.b1[:, None, None]
        x = F.conv2d(x, self.filters, self.filter_bias, padding=1, groups=len(self.filters))
        return torch.einsum("bdhw,dc->bchw", F.gelu(x), self.W2) + self.b2[:, None, None]
