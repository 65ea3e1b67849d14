"""A small convolution for every channel, in a list."""


class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        hidden = channels * expansion_factor
        self.first = nn.Conv2d(channels, hidden, 1)
        self.filters = nn.ModuleList([nn.Conv2d(1, 1, kernel_size=3, padding=1) for _ in range(hidden)])
        self.last = nn.Conv2d(hidden, channels, 1)

    def forward(self, x):
        x = self.first(x)
        x = torch.cat([conv(x[:, c : c + 1]) for c, conv in enumerate(self.filters)], dim=1)
        return self.last(F.gelu(x))
