"""A matrix for each place in the patch, summed up in loops."""


class OverlapPatchMerging(nn.Module):
    def __init__(self, in_channels, out_channels, patch_size, stride, padding):
        super().__init__()
        self.K, self.S, self.P = patch_size, stride, padding
        self.weight = nn.Parameter(torch.randn(patch_size, patch_size, in_channels, out_channels) * 0.02)
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.norm = nn.LayerNorm(out_channels)

    def forward(self, x):
        x = F.pad(x, (self.P, self.P, self.P, self.P)).permute(0, 2, 3, 1)  # (B, H + 2P, W + 2P, C)
        height = (x.shape[1] - self.K) // self.S + 1
        width = (x.shape[2] - self.K) // self.S + 1
        out = self.bias
        for i in range(self.K):
            for j in range(self.K):
                rows = slice(i, i + (height - 1) * self.S + 1, self.S)
                columns = slice(j, j + (width - 1) * self.S + 1, self.S)
                out = out + x[:, rows, columns] @ self.weight[i, j]
        return self.norm(out).permute(0, 3, 1, 2)
