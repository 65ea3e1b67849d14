"""A module for the linear layer of every stage, as in the published code."""


class MLP(nn.Module):
    def __init__(self, input_dim, embed_dim):
        super().__init__()
        self.proj = nn.Linear(input_dim, embed_dim)

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2)
        return self.proj(x)


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        c1, c2, c3, c4 = in_channels
        self.linear_c4 = MLP(c4, embed_channels)
        self.linear_c3 = MLP(c3, embed_channels)
        self.linear_c2 = MLP(c2, embed_channels)
        self.linear_c1 = MLP(c1, embed_channels)
        self.linear_fuse = nn.Sequential(
            nn.Conv2d(embed_channels * 4, embed_channels, kernel_size=1, bias=False),
            nn.BatchNorm2d(embed_channels),
            nn.ReLU(),
        )
        self.linear_pred = nn.Conv2d(embed_channels, num_classes, kernel_size=1)
        self.out_dims = out_dims

    def forward(self, features):
        c1, c2, c3, c4 = features
        n = c4.shape[0]
        size = c1.shape[2:] if self.out_dims is None else self.out_dims

        _c4 = self.linear_c4(c4).permute(0, 2, 1).reshape(n, -1, c4.shape[2], c4.shape[3])
        _c4 = F.interpolate(_c4, size=size, mode="bilinear", align_corners=False)
        _c3 = self.linear_c3(c3).permute(0, 2, 1).reshape(n, -1, c3.shape[2], c3.shape[3])
        _c3 = F.interpolate(_c3, size=size, mode="bilinear", align_corners=False)
        _c2 = self.linear_c2(c2).permute(0, 2, 1).reshape(n, -1, c2.shape[2], c2.shape[3])
        _c2 = F.interpolate(_c2, size=size, mode="bilinear", align_corners=False)
        _c1 = self.linear_c1(c1).permute(0, 2, 1).reshape(n, -1, c1.shape[2], c1.shape[3])
        _c1 = F.interpolate(_c1, size=size, mode="bilinear", align_corners=False)

        return self.linear_pred(self.linear_fuse(torch.cat([_c4, _c3, _c2, _c1], dim=1)))
