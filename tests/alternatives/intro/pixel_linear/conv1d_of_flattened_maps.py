"""nn.Conv1d over the flattened pixels."""


class PixelLinear(nn.Module):
    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return self.conv(normalize_channels(x).flatten(2)).unflatten(2, (height, width))
