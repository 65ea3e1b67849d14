"""The depthwise convolution as F.unfold times filters of shape (hidden, 9)."""


class MixFFN(nn.Module):
    def __init__(self, channels: int, expansion_factor: int):
        super().__init__()
        self.hidden = channels * expansion_factor
        self.fc1 = nn.Linear(channels, self.hidden)
        self.filters = nn.Parameter(torch.randn(self.hidden, 9) / 3)
        self.filter_bias = nn.Parameter(torch.zeros(self.hidden))
        self.fc2 = nn.Linear(self.hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        B, _, H, W = x.shape
        x = self.fc1(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(B, self.hidden, H, W)
        neighbours = F.unfold(x, kernel_size=3, padding=1).view(B, self.hidden, 9, H * W)
        x = (neighbours * self.filters[None, :, :, None]).sum(dim=2) + self.filter_bias[:, None]
        x = F.gelu(x)
        return self.fc2(x.transpose(1, 2)).transpose(1, 2).reshape(B, -1, H, W)
