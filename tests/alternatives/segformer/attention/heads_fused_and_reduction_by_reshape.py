"""Keys and values head by head, the reduction over squares cut out by reshape."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads, self.R = num_heads, reduction_ratio
        self.norm = nn.LayerNorm(channels) if reduction_ratio > 1 else nn.Identity()
        self.merge = nn.Linear(reduction_ratio**2 * channels, channels) if reduction_ratio > 1 else nn.Identity()
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x):
        B, C, H, W = x.shape
        h, w = H // self.R, W // self.R
        squares = x[:, :, : h * self.R, : w * self.R].reshape(B, C, h, self.R, w, self.R)
        squares = squares.permute(0, 2, 4, 3, 5, 1).reshape(B, h * w, self.R * self.R * C)
        reduced = self.norm(self.merge(squares))
        q = self.q(x.flatten(2).transpose(1, 2)).reshape(B, H * W, self.num_heads, C // self.num_heads)
        k, v = self.kv(reduced).reshape(B, h * w, self.num_heads, 2, C // self.num_heads).unbind(3)
        scores = torch.einsum("bnhd,bmhd->bhnm", q, k) / math.sqrt(C // self.num_heads)
        y = torch.einsum("bhnm,bmhd->bnhd", scores.softmax(dim=-1), v).reshape(B, H * W, C)
        return self.proj(y).transpose(1, 2).reshape(B, C, H, W)
