"""nn.Conv1d on flattened maps for the linear layers."""


class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        hidden = int(channels * expansion_factor)
        self.pointwise1 = nn.Conv1d(channels, hidden, kernel_size=1)
        self.depthwise = nn.Conv2d(hidden, hidden, kernel_size=(3, 3), padding=(1, 1), groups=hidden)
        self.pointwise2 = nn.Conv1d(hidden, channels, kernel_size=1)

    def forward(self, x):
        size = x.shape[2:]
        x = self.pointwise1(x.flatten(2)).unflatten(2, size)
        x = F.gelu(self.depthwise(x))
        return self.pointwise2(x.flatten(2)).unflatten(2, size)
