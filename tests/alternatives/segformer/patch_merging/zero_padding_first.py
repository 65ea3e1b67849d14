"""A layer for the zeros, then a convolution without padding."""


class OverlapPatchMerging(nn.Module):
    def __init__(self, in_channels, out_channels, patch_size, stride, padding):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ZeroPad2d(padding),
            nn.Conv2d(in_channels, out_channels, kernel_size=(patch_size, patch_size), stride=(stride, stride)),
            LayerNorm2d(out_channels),
        )

    def forward(self, x):
        return self.layers(x)
