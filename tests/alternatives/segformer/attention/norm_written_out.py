"""A norm by hand, with parameters of shape (1, C, 1, 1)."""


class MapNorm(nn.Module):
    def __init__(self, channels, eps=1e-6):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.eps = eps

    def forward(self, x):
        x = x - x.mean(dim=1, keepdim=True)
        std = torch.sqrt(x.square().mean(dim=1, keepdim=True) + self.eps)
        return self.gamma * x / std + self.beta


class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(channels, channels)
        self.k = nn.Linear(channels, channels)
        self.v = nn.Linear(channels, channels)
        self.o = nn.Linear(channels, channels)
        self.reducer = nn.Identity()
        if reduction_ratio > 1:
            self.reducer = nn.Sequential(
                nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio), MapNorm(channels)
            )

    def to_heads(self, x):
        return x.unflatten(-1, (self.num_heads, -1)).movedim(-2, 1)

    def forward(self, x):
        tokens = x.flatten(2).movedim(1, 2)
        small = self.reducer(x).flatten(2).movedim(1, 2)
        q, k, v = self.to_heads(self.q(tokens)), self.to_heads(self.k(small)), self.to_heads(self.v(small))
        weights = torch.softmax(q @ k.movedim(-1, -2) / math.sqrt(q.shape[-1]), -1)
        merged = (weights @ v).movedim(1, -2).flatten(-2)
        return self.o(merged).movedim(1, 2).view(x.shape)
