"""No bias for the keys, which softmax would take away."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels, bias=False)  # would shift all scores of a query alike
        self.value = nn.Linear(channels, channels)
        self.output = nn.Linear(channels, channels)
        self.reduction_ratio = reduction_ratio
        if reduction_ratio > 1:
            self.reduction = nn.Conv2d(channels, channels, reduction_ratio, stride=reduction_ratio)
            self.norm = LayerNorm2d(channels)

    def forward(self, x):
        batch, channels, height, width = x.shape
        reduced = self.norm(self.reduction(x)) if self.reduction_ratio > 1 else x
        x = x.flatten(2).transpose(1, 2)
        reduced = reduced.flatten(2).transpose(1, 2)

        head_dim = channels // self.num_heads
        queries = self.query(x).view(batch, -1, self.num_heads, head_dim).permute(0, 2, 1, 3)
        keys = self.key(reduced).view(batch, -1, self.num_heads, head_dim).permute(0, 2, 3, 1)
        values = self.value(reduced).view(batch, -1, self.num_heads, head_dim).permute(0, 2, 1, 3)

        attention = torch.softmax(torch.matmul(queries, keys) / math.sqrt(head_dim), dim=-1)
        context = torch.matmul(attention, values).permute(0, 2, 1, 3).reshape(batch, height * width, channels)
        return self.output(context).permute(0, 2, 1).reshape(batch, channels, height, width)
