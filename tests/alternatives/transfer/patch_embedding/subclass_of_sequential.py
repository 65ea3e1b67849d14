"""A Sequential of convolution and norm, with nothing to write in forward."""


class PatchEmbedding(nn.Sequential):
    def __init__(self, in_channels, out_channels, patch_size, stride):
        convolution = nn.Conv2d(in_channels, out_channels, patch_size, stride, (patch_size - 1) // 2)
        super().__init__(convolution, LayerNorm2d(out_channels, eps=1e-6))
