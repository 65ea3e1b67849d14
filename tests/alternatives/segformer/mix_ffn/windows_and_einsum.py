"""Padded by hand, windows of 3 x 3, einsum with filters of shape (hidden, 3, 3)."""


class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        hidden = channels * expansion_factor
        self.linear_in = nn.Linear(channels, hidden)
        self.filters = nn.Parameter(torch.randn(hidden, 3, 3) / 3)
        self.offsets = nn.Parameter(torch.zeros(hidden))
        self.linear_out = nn.Linear(hidden, channels)
        self.pad = nn.ZeroPad2d(1)

    def forward(self, x):
        x = self.linear_in(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        windows = self.pad(x).unfold(2, 3, 1).unfold(3, 3, 1)  # (B, hidden, H, W, 3, 3)
        x = torch.einsum("bchwij,cij->bhwc", windows, self.filters) + self.offsets
        return self.linear_out(F.gelu(x)).permute(0, 3, 1, 2)
