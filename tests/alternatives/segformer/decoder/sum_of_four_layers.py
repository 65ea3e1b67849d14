"""The fusing layer as a sum of four layers E -> E without a bias."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.out_dims = out_dims
        self.project = nn.ModuleList([nn.Conv2d(c, embed_channels, 1) for c in in_channels])
        self.fuse = nn.ModuleList([nn.Conv2d(embed_channels, embed_channels, 1, bias=False) for _ in in_channels])
        self.norm = nn.BatchNorm2d(embed_channels)
        self.predict = nn.Conv2d(embed_channels, num_classes, 1)

    def forward(self, features):
        size = self.out_dims if self.out_dims is not None else features[0].shape[2:]
        total = 0
        for project, fuse, x in zip(self.project, self.fuse, features, strict=True):
            x = F.interpolate(project(x), size=size, mode="bilinear", align_corners=False)
            total = total + fuse(x)
        return self.predict(F.relu(self.norm(total)))
