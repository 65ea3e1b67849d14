"""A query layer per head, and a fused one for its keys and values."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.d = channels // num_heads
        self.q = nn.ModuleList()
        self.kv = nn.ModuleList()
        for _ in range(num_heads):
            self.q.append(nn.Linear(channels, self.d))
            self.kv.append(nn.Linear(channels, 2 * self.d))
        self.proj = nn.Linear(channels, channels)
        self.reduce = nn.Identity()
        if reduction_ratio > 1:
            self.reduce = nn.Sequential(
                nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio), LayerNorm2d(channels)
            )

    def forward(self, x):
        tokens = x.flatten(2).mT
        reduced = self.reduce(x).flatten(2).mT
        answers = []
        for q, kv in zip(self.q, self.kv, strict=True):
            keys, values = kv(reduced).split(self.d, dim=-1)
            answers.append(F.scaled_dot_product_attention(q(tokens), keys, values))
        return self.proj(torch.cat(answers, dim=-1)).mT.unflatten(2, x.shape[2:])
