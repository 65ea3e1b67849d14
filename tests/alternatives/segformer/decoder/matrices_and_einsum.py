"""Matrices of shape (in, out), a fusing weight of shape (4, E, E), einsum."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.out_dims = out_dims
        self.W = nn.ParameterList([nn.Parameter(torch.randn(c, embed_channels) / c**0.5) for c in in_channels])
        self.b = nn.ParameterList([nn.Parameter(torch.zeros(embed_channels)) for _ in in_channels])
        self.fuse = nn.Parameter(torch.randn(4, embed_channels, embed_channels) / (4 * embed_channels) ** 0.5)
        self.bn = nn.BatchNorm2d(embed_channels)
        self.W_out = nn.Parameter(torch.randn(embed_channels, num_classes) / embed_channels**0.5)
        self.b_out = nn.Parameter(torch.zeros(num_classes))

    def forward(self, features):
        size = self.out_dims or features[0].shape[2:]
        levels = []
        for x, W, b in zip(features, self.W, self.b, strict=True):
            x = torch.einsum("bchw,ce->behw", x, W) + b[:, None, None]
            levels.append(F.interpolate(x, size=size, mode="bilinear", align_corners=False))
        x = torch.einsum("blehw,lef->bfhw", torch.stack(levels, dim=1), self.fuse)
        x = F.relu(self.bn(x))
        return torch.einsum("behw,ek->bkhw", x, self.W_out) + self.b_out[:, None, None]
