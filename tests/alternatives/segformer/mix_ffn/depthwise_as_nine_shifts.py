"""Nine shifted maps, weighted by filters of shape (hidden, 3, 3)."""


class DepthwiseConv(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, 3, 3).uniform_(-1 / 3, 1 / 3))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        H, W = x.shape[-2:]
        padded = F.pad(x, (1, 1, 1, 1))
        result = self.bias.view(1, -1, 1, 1)
        for i in range(3):
            for j in range(3):
                result = result + self.weight[:, i, j].view(1, -1, 1, 1) * padded[:, :, i : i + H, j : j + W]
        return result


class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        hidden = channels * expansion_factor
        self.expand = nn.Conv2d(channels, hidden, 1)
        self.depthwise = DepthwiseConv(hidden)
        self.act = nn.GELU()
        self.reduce = nn.Conv2d(hidden, channels, 1)

    def forward(self, x):
        return self.reduce(self.act(self.depthwise(self.expand(x))))
