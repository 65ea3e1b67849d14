"""GELU written with erf, 1x1 convolutions."""


class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        hidden = channels * expansion_factor
        self.conv1 = nn.Conv2d(channels, hidden, 1)
        self.dwconv = nn.Conv2d(hidden, hidden, 3, 1, 1, groups=hidden)
        self.conv2 = nn.Conv2d(hidden, channels, 1)

    def gelu(self, x):
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    def forward(self, x):
        x = self.conv1(x)
        x = self.dwconv(x)
        return self.conv2(self.gelu(x))
