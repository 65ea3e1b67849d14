"""Linear layers, first stage first, a bias in the fusing layer."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(size, embed_channels) for size in in_channels])
        self.fuse = nn.Sequential(
            nn.Conv2d(embed_channels * len(in_channels), embed_channels, 1), nn.BatchNorm2d(embed_channels), nn.ReLU()
        )
        self.head, self.size = nn.Conv2d(embed_channels, num_classes, 1), out_dims

    def forward(self, features):
        size = tuple(features[0].shape[-2:]) if self.size is None else self.size
        maps = [linear(x.movedim(1, -1)).movedim(-1, 1) for linear, x in zip(self.linears, features, strict=True)]
        return self.head(self.fuse(torch.cat([nn.Upsample(size, mode="bilinear")(x) for x in maps], dim=1)))
