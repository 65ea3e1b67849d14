"""The reduction from strided slices side by side, as in Swin's patch merging."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads, self.reduction_ratio = num_heads, reduction_ratio
        self.query, self.key, self.value = (nn.Linear(channels, channels) for _ in range(3))
        self.projection = nn.Linear(channels, channels)
        if reduction_ratio > 1:
            self.reduction = nn.Conv2d(reduction_ratio**2 * channels, channels, kernel_size=1)
            self.norm = LayerNorm2d(channels)

    def reduce(self, x):
        R = self.reduction_ratio
        if R == 1:
            return x
        H, W = x.shape[2] // R * R, x.shape[3] // R * R
        x = x[:, :, :H, :W]
        slices = [x[:, :, i::R, j::R] for i in range(R) for j in range(R)]
        return self.norm(self.reduction(torch.cat(slices, dim=1)))

    def forward(self, x):
        B, C, H, W = x.shape
        size = C // self.num_heads
        tokens, reduced = (maps.flatten(2).transpose(1, 2) for maps in (x, self.reduce(x)))
        q = self.query(tokens).view(B, H * W, self.num_heads, size).transpose(1, 2)
        k = self.key(reduced).view(B, -1, self.num_heads, size).permute(0, 2, 3, 1)
        v = self.value(reduced).view(B, -1, self.num_heads, size).transpose(1, 2)
        weights = (q / size**0.5 @ k).softmax(dim=-1)
        return self.projection((weights @ v).transpose(1, 2).flatten(2)).transpose(1, 2).unflatten(2, (H, W))
