"""The matrices of queries, keys and values in one parameter of shape (3, C, C)."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels: int, reduction_ratio: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.weights = nn.Parameter(torch.empty(3, channels, channels))
        self.biases = nn.Parameter(torch.zeros(3, channels))
        nn.init.normal_(self.weights, std=channels**-0.5)
        self.project = nn.Linear(channels, channels)
        self.reduction_ratio = reduction_ratio
        if reduction_ratio > 1:
            self.reduction = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
            self.norm = LayerNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        tokens = torch.einsum("bchw->bhwc", x).reshape(B, H * W, C)
        reduced = tokens
        if self.reduction_ratio > 1:
            reduced = self.norm(self.reduction(x)).flatten(2).transpose(1, 2)
        q = torch.einsum("bnc,oc->bno", tokens, self.weights[0]) + self.biases[0]
        k, v = torch.einsum("bmc,koc->kbmo", reduced, self.weights[1:]) + self.biases[1:, None, None]
        q, k, v = (t.reshape(B, -1, self.num_heads, C // self.num_heads) for t in (q, k, v))
        scores = torch.einsum("bnhd,bmhd->bhnm", q, k) * (C // self.num_heads) ** -0.5
        mixed = torch.einsum("bhnm,bmhd->bnhd", scores.softmax(dim=-1), v).flatten(2)
        return self.project(mixed).transpose(1, 2).reshape(B, C, H, W)
