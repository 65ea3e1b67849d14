"""1x1 convolutions for the linear layers, einsum on maps."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.heads = num_heads
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.output = nn.Conv2d(channels, channels, 1)
        if reduction_ratio > 1:
            self.reduction = nn.Sequential(
                nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio), LayerNorm2d(channels)
            )
        else:
            self.reduction = nn.Identity()

    def forward(self, x):
        C = x.shape[1]
        y = self.reduction(x)
        q, k, v = (m.unflatten(1, (self.heads, -1)) for m in (self.query(x), self.key(y), self.value(y)))
        k, v = k.flatten(3), v.flatten(3)  # (B, heads, d, M)
        scores = torch.einsum("bgdhw,bgdm->bghwm", q, k) / math.sqrt(C // self.heads)
        answer = torch.einsum("bghwm,bgdm->bgdhw", torch.softmax(scores, dim=-1), v)
        return self.output(answer.flatten(1, 2))
