"""A linear layer over patches whose pixels keep their channels together."""


class OverlapPatchMerging(nn.Module):
    def __init__(self, in_channels, out_channels, patch_size, stride, padding):
        super().__init__()
        self.patch_size = patch_size
        self.stride = stride
        self.padding = padding
        self.merge = nn.Linear(patch_size * patch_size * in_channels, out_channels)
        self.norm = nn.LayerNorm(out_channels)

    def forward(self, x):
        x = F.pad(x, (self.padding,) * 4)
        windows = x.unfold(2, self.patch_size, self.stride).unfold(3, self.patch_size, self.stride)
        patches = windows.permute(0, 2, 3, 4, 5, 1).flatten(
            3
        )  # (B, H', W', row, column, channel) -> (B, H', W', K * K * C)
        return self.norm(self.merge(patches)).permute(0, 3, 1, 2)
