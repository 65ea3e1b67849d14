"""A subclass of nn.Sequential without a forward of its own."""


class MixFFN(nn.Sequential):
    def __init__(self, channels: int, expansion_factor: int):
        hidden = expansion_factor * channels
        super().__init__(
            nn.Conv2d(channels, hidden, kernel_size=1),
            nn.Conv2d(hidden, hidden, kernel_size=3, padding="same", groups=hidden),
            nn.GELU(),
            nn.Conv2d(hidden, channels, kernel_size=1),
        )
