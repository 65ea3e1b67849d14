"""Channels last throughout, filters of shape (3, 3, hidden)."""


class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        hidden = channels * expansion_factor
        self.up = nn.Linear(channels, hidden)
        self.filters = nn.Parameter(0.1 * torch.randn(3, 3, hidden))
        self.filters_bias = nn.Parameter(torch.zeros(hidden))
        self.down = nn.Linear(hidden, channels)

    def forward(self, x):
        x = self.up(x.permute(0, 2, 3, 1))  # (B, H, W, hidden)
        H, W = x.shape[1:3]
        padded = F.pad(x, (0, 0, 1, 1, 1, 1))
        filtered = sum(padded[:, i : i + H, j : j + W] * self.filters[i, j] for i in range(3) for j in range(3))
        return self.down(F.gelu(filtered + self.filters_bias)).permute(0, 3, 1, 2)
