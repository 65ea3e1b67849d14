"""x times the distribution function of torch.distributions.Normal."""


class MixFFN(nn.Module):
    def __init__(self, channels: int, expansion_factor: int):
        super().__init__()
        self.mlp1 = nn.Linear(channels, expansion_factor * channels)
        self.conv = nn.Conv2d(
            expansion_factor * channels, expansion_factor * channels, 3, padding=1, groups=expansion_factor * channels
        )
        self.mlp2 = nn.Linear(expansion_factor * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.movedim(self.mlp1(torch.movedim(x, 1, -1)), -1, 1)
        x = self.conv(x)
        phi = torch.distributions.Normal(torch.zeros_like(x), torch.ones_like(x)).cdf(x)
        return torch.movedim(self.mlp2(torch.movedim(x * phi, 1, -1)), -1, 1)
