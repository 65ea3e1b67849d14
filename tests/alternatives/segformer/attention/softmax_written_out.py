"""Softmax written out, a loop over slices of channels."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.size = channels // num_heads
        self.num_heads = num_heads
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.output = nn.Linear(channels, channels)
        self.reduction_ratio = reduction_ratio
        if reduction_ratio > 1:
            self.reduction = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
            self.norm = LayerNorm2d(channels)

    def forward(self, x):
        B, C, H, W = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        reduced = tokens
        if self.reduction_ratio > 1:
            reduced = self.norm(self.reduction(x)).flatten(2).transpose(1, 2)
        Q, K, V = self.query(tokens), self.key(reduced), self.value(reduced)
        answers = []
        for head in range(self.num_heads):
            block = slice(head * self.size, (head + 1) * self.size)
            scores = Q[:, :, block] @ K[:, :, block].transpose(1, 2) / math.sqrt(self.size)
            exponentials = torch.exp(scores - scores.amax(dim=2, keepdim=True))
            weights = exponentials / exponentials.sum(dim=2, keepdim=True)
            answers.append(weights @ V[:, :, block])
        merged = torch.cat(answers, dim=2)
        return self.output(merged).transpose(1, 2).reshape(B, C, H, W)
