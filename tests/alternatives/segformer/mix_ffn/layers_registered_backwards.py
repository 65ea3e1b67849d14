"""The last layer registered first."""


class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        hidden = channels * expansion_factor
        self.contract = nn.Conv2d(hidden, channels, kernel_size=1)
        self.depthwise = nn.Conv2d(hidden, hidden, kernel_size=3, padding=1, groups=hidden)
        self.expand = nn.Conv2d(channels, hidden, kernel_size=1)

    def forward(self, x):
        hidden = self.depthwise(self.expand(x))
        return self.contract(nn.functional.gelu(hidden, approximate="none"))
