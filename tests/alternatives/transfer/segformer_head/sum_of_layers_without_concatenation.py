"""The fusing layer as one matrix per map, whose answers are added up; a bias in the last of them."""


class SegFormerHead(nn.Module):
    def __init__(self, in_channels, embed_channels, num_classes):
        super().__init__()
        count = len(in_channels)
        self.first = nn.ModuleList([nn.Conv2d(channels, embed_channels, 1) for channels in in_channels])
        self.second = nn.ModuleList(
            [nn.Conv2d(embed_channels, embed_channels, 1, bias=i == count - 1) for i in range(count)]
        )
        self.after = nn.Sequential(nn.BatchNorm2d(embed_channels), nn.ReLU(), nn.Conv2d(embed_channels, num_classes, 1))

    def forward(self, features):
        total = 0
        for first, second, x in zip(self.first, self.second, features, strict=True):
            total = total + second(F.interpolate(first(x), features[0].shape[-2:], mode="bilinear"))
        return self.after(total)
