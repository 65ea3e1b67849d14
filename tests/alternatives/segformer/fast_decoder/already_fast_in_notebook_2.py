"""Who fused every map at its own size in task 2.5 has nothing left to do."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.out_dims = out_dims
        self.first = nn.ModuleList(nn.Linear(channels, embed_channels) for channels in in_channels)
        self.second = nn.ModuleList(nn.Linear(embed_channels, embed_channels) for _ in in_channels)
        self.bn = nn.BatchNorm2d(embed_channels)
        self.last = nn.Conv2d(embed_channels, num_classes, 1)

    def forward(self, features):
        size = self.out_dims or tuple(features[0].shape[-2:])
        maps = []
        for first, second, x in zip(self.first, self.second, features, strict=True):
            x = second(first(x.movedim(1, 3))).movedim(3, 1)
            maps.append(F.interpolate(x, size, mode="bilinear"))
        return self.last(self.bn(torch.stack(maps, dim=-1).sum(dim=-1)).relu())


class FastMLPDecoder(MLPDecoder):
    pass
