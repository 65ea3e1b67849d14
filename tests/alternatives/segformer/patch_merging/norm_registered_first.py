"""The norm registered before the convolution, sequences as in the published code."""


class OverlapPatchMerging(nn.Module):
    def __init__(self, in_channels, out_channels, patch_size, stride, padding):
        super().__init__()
        self.norm = nn.LayerNorm(out_channels)
        self.proj = nn.Conv2d(in_channels, out_channels, kernel_size=patch_size, stride=stride, padding=padding)

    def forward(self, x):
        x = self.proj(x)
        B, C, H, W = x.shape
        x = x.flatten(2).transpose(1, 2)
        x = self.norm(x)
        return x.transpose(1, 2).reshape(B, C, H, W)
