"""A matrix of shape (in, out), used as x @ W."""


class PixelLinear(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.W = nn.Parameter(torch.randn(in_channels, out_channels) / in_channels**0.5)
        self.b = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x):
        pixels = normalize_channels(x).flatten(2).transpose(1, 2)
        return (pixels @ self.W + self.b).transpose(1, 2).unflatten(2, x.shape[2:])
