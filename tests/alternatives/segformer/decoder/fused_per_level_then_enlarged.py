"""Fused per level, then enlarged and added."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.linears = nn.ModuleList(nn.Conv2d(size, embed_channels, 1) for size in in_channels)
        self.fuse = nn.Conv2d(embed_channels * 4, embed_channels, 1, bias=False)
        self.norm, self.head = nn.BatchNorm2d(embed_channels), nn.Conv2d(embed_channels, num_classes, 1)
        self.out_dims = out_dims

    def forward(self, features):
        size = self.out_dims or features[0].shape[-2:]
        total = 0
        for linear, weight, x in zip(self.linears, self.fuse.weight.chunk(4, dim=1), features, strict=True):
            total = total + F.interpolate(F.conv2d(linear(x), weight), tuple(size), mode="bilinear")
        return self.head(self.norm(total).relu())
