"""nn.Conv1d on sequences with the channels first."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.heads = num_heads
        self.d = channels // num_heads
        self.query = nn.Conv1d(channels, channels, kernel_size=1)
        self.key_value = nn.Conv1d(channels, 2 * channels, kernel_size=1)
        self.output = nn.Conv1d(channels, channels, kernel_size=1)
        self.reduction = nn.Identity()
        if reduction_ratio > 1:
            self.reduction = nn.Sequential(
                nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio), LayerNorm2d(channels)
            )

    def forward(self, x):
        B, C, H, W = x.shape
        queries = self.query(x.flatten(2)).view(B, self.heads, self.d, H * W)
        keys, values = self.key_value(self.reduction(x).flatten(2)).view(B, 2, self.heads, self.d, -1).unbind(1)
        scores = keys.transpose(2, 3) @ queries / self.d**0.5  # (B, heads, M, N): a column for each query
        answers = values @ scores.softmax(dim=2)
        return self.output(answers.reshape(B, C, H * W)).view(B, C, H, W)
