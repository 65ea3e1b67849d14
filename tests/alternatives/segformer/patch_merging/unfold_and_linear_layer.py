"""F.unfold, nn.Linear and nn.LayerNorm on sequences."""


class OverlapPatchMerging(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, patch_size: int, stride: int, padding: int):
        super().__init__()
        self.patch_size, self.stride, self.padding = patch_size, stride, padding
        self.proj = nn.Linear(in_channels * patch_size * patch_size, out_channels)
        self.norm = nn.LayerNorm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        H, W = x.shape[2:]
        new_H = (H + 2 * self.padding - self.patch_size) // self.stride + 1
        new_W = (W + 2 * self.padding - self.patch_size) // self.stride + 1
        patches = F.unfold(x, kernel_size=self.patch_size, stride=self.stride, padding=self.padding)
        tokens = self.norm(self.proj(patches.transpose(1, 2)))  # (B, N, C)
        return tokens.transpose(1, 2).reshape(x.shape[0], -1, new_H, new_W)
