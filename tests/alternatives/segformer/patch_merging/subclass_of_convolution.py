"""A subclass of nn.Conv2d that normalises its answer."""


class OverlapPatchMerging(nn.Conv2d):
    def __init__(self, in_channels, out_channels, patch_size, stride, padding):
        super().__init__(in_channels, out_channels, kernel_size=patch_size, stride=stride, padding=padding)
        self.norm = LayerNorm2d(out_channels)

    def forward(self, x):
        return self.norm(super().forward(x))
