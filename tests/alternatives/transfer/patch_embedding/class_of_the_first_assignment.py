"""The class of the first assignment pasted, and one line around it."""


class OverlapPatchMerging(nn.Module):
    def __init__(self, in_channels, out_channels, patch_size, stride, padding):
        super().__init__()
        self.projection = nn.Conv2d(in_channels, out_channels, patch_size, stride, padding)
        self.norm = LayerNorm2d(out_channels)

    def forward(self, x):
        return self.norm(self.projection(x))


class PatchEmbedding(OverlapPatchMerging):
    def __init__(self, in_channels, out_channels, patch_size, stride):
        super().__init__(in_channels, out_channels, patch_size, stride, patch_size // 2)
