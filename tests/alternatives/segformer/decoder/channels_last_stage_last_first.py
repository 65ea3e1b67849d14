"""Linear layers on channels-last maps, the last stage first."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(channels, embed_channels) for channels in in_channels])
        self.fuse = nn.Linear(4 * embed_channels, embed_channels, bias=False)
        self.bn = nn.BatchNorm2d(embed_channels)
        self.classify = nn.Linear(embed_channels, num_classes)
        self.out_dims = out_dims

    def resize(self, x, size):
        x = F.interpolate(x.permute(0, 3, 1, 2), size=size, mode="bilinear", align_corners=False)
        return x.permute(0, 2, 3, 1)

    def forward(self, features):
        size = tuple(self.out_dims) if self.out_dims else tuple(features[0].shape[2:])
        maps = []
        for linear, feature in zip(self.linears, features, strict=True):
            x = linear(feature.permute(0, 2, 3, 1))  # (B, h, w, E)
            maps.insert(0, self.resize(x, size))
        x = self.fuse(torch.cat(maps, dim=-1)).permute(0, 3, 1, 2)
        x = torch.relu(self.bn(x)).permute(0, 2, 3, 1)
        return self.classify(x).permute(0, 3, 1, 2)
