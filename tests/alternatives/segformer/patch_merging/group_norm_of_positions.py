"""nn.GroupNorm with one group, position by position."""


class OverlapPatchMerging(nn.Module):
    def __init__(self, in_channels, out_channels, patch_size, stride, padding):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, patch_size, stride=stride, padding=padding)
        self.norm = nn.GroupNorm(1, out_channels)

    def forward(self, x):
        x = self.conv(x).permute(0, 2, 3, 1)
        positions = x.reshape(-1, x.shape[-1])  # every position by itself: one group is one LayerNorm
        return self.norm(positions).view(x.shape).permute(0, 3, 1, 2)
