"""Patches unfolded into rows, a linear layer on them, nn.LayerNorm of the sequence."""


class PatchEmbedding(nn.Module):
    def __init__(self, in_channels, out_channels, patch_size, stride):
        super().__init__()
        self.patch_size, self.stride = patch_size, stride
        self.linear = nn.Linear(in_channels * patch_size**2, out_channels)
        self.norm = nn.LayerNorm(out_channels)

    def forward(self, x):
        padding = self.patch_size // 2
        height, width = ((side + 2 * padding - self.patch_size) // self.stride + 1 for side in x.shape[2:])
        rows = F.unfold(x, self.patch_size, padding=padding, stride=self.stride).transpose(1, 2)
        return self.norm(self.linear(rows)).transpose(1, 2).unflatten(2, (height, width))
