"""Patches times a matrix of shape (numbers of a patch, channels)."""


class OverlapPatchMerging(nn.Module):
    def __init__(self, in_channels, out_channels, patch_size, stride, padding):
        super().__init__()
        self.k, self.s, self.p = patch_size, stride, padding
        self.W = nn.Parameter(torch.empty(in_channels * patch_size**2, out_channels))
        nn.init.xavier_uniform_(self.W)
        self.b = nn.Parameter(torch.zeros(out_channels))
        self.ln = nn.LayerNorm(out_channels)

    def forward(self, x):
        patches = F.unfold(x, self.k, padding=self.p, stride=self.s).mT
        tokens = self.ln(patches @ self.W + self.b)
        rows = (x.size(2) + 2 * self.p - self.k) // self.s + 1
        return tokens.mT.unflatten(2, (rows, -1))
