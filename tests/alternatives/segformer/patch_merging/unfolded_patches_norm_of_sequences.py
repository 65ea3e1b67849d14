"""Unfolded patches, a linear layer, a norm of sequences."""


class OverlapPatchMerging(nn.Module):
    def __init__(self, in_channels, out_channels, patch_size, stride, padding):
        super().__init__()
        self.window = dict(kernel_size=patch_size, stride=stride, padding=padding)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, patch_size, patch_size))
        self.bias = nn.Parameter(torch.empty(out_channels))
        self.norm = nn.LayerNorm(out_channels, eps=1e-6)

    def forward(self, x):
        patches = F.unfold(x, **self.window)
        merged = (self.weight.flatten(1) @ patches).transpose(1, 2) + self.bias
        height = (x.shape[2] + 2 * self.window["padding"] - self.window["kernel_size"]) // self.window["stride"] + 1
        return self.norm(merged).transpose(1, 2).unflatten(2, (height, -1))
