"""A subclass of nn.Sequential without a forward of its own."""


class OverlapPatchMerging(nn.Sequential):
    def __init__(self, in_channels: int, out_channels: int, patch_size: int, stride: int, padding: int):
        super().__init__(nn.Conv2d(in_channels, out_channels, patch_size, stride, padding), LayerNorm2d(out_channels))
