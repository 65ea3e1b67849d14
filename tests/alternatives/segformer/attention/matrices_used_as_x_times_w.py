"""Parameters of shape (C, C), used as x @ W."""


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads = num_heads

        def matrix():
            return nn.Parameter(torch.randn(channels, channels) / math.sqrt(channels))

        def bias():
            return nn.Parameter(torch.zeros(channels))

        self.W_q, self.b_q = matrix(), bias()
        self.W_k, self.b_k = matrix(), bias()
        self.W_v, self.b_v = matrix(), bias()
        self.W_o, self.b_o = matrix(), bias()
        self.reduce = nn.Identity()
        if reduction_ratio > 1:
            shrink = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
            self.reduce = nn.Sequential(shrink, LayerNorm2d(channels))

    def forward(self, x):
        B, C, H, W = x.shape
        X = x.flatten(2).transpose(1, 2)
        Y = self.reduce(x).flatten(2).transpose(1, 2)
        Q = X @ self.W_q + self.b_q
        K = Y @ self.W_k + self.b_k
        V = Y @ self.W_v + self.b_v
        Q, K, V = (A.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for A in (Q, K, V))
        A = torch.softmax(Q @ K.mT / math.sqrt(C // self.num_heads), dim=-1) @ V
        A = A.transpose(1, 2).flatten(2)
        return (A @ self.W_o + self.b_o).transpose(1, 2).reshape(B, C, H, W)
