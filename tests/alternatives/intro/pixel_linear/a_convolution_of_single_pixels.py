"""A convolution of single pixels."""


class PixelLinear(nn.Sequential):
    def __init__(self, in_channels, out_channels):
        super().__init__(nn.Conv2d(in_channels, out_channels, 1))

    def forward(self, x):
        return super().forward(normalize_channels(x))
