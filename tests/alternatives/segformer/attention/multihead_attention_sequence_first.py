"""nn.MultiheadAttention with the positions before the batch."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels: int, reduction_ratio: int, num_heads: int):
        super().__init__()
        self.reduction_ratio = reduction_ratio
        self.mha = nn.MultiheadAttention(embed_dim=channels, num_heads=num_heads)
        if reduction_ratio > 1:
            self.sr = nn.Conv2d(channels, channels, kernel_size=reduction_ratio, stride=reduction_ratio)
            self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        query = x.flatten(2).permute(2, 0, 1)  # (N, B, C)
        memory = query
        if self.reduction_ratio > 1:
            memory = self.norm(self.sr(x).flatten(2).permute(2, 0, 1))
        answer, _ = self.mha(query, memory, memory)
        return answer.permute(1, 2, 0).reshape(B, C, H, W)
