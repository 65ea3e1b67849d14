"""nn.Unfold, then nn.Conv1d over the patches."""


class OverlapPatchMerging(nn.Module):
    def __init__(self, in_channels, out_channels, patch_size, stride, padding):
        super().__init__()
        self.unfold = nn.Unfold(patch_size, stride=stride, padding=padding)
        self.project = nn.Conv1d(in_channels * patch_size**2, out_channels, 1)
        self.norm = LayerNorm2d(out_channels)
        self.window = (patch_size, stride, padding)

    def new_side(self, side):
        patch_size, stride, padding = self.window
        return (side + 2 * padding - patch_size) // stride + 1

    def forward(self, x):
        y = self.project(self.unfold(x))
        return self.norm(y.view(*y.shape[:2], self.new_side(x.shape[2]), self.new_side(x.shape[3])))
