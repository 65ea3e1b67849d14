"""The last layer registered first, the order of the stages reversed."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.classifier = nn.Conv2d(embed_channels, num_classes, 1)
        self.activation = nn.ReLU()
        self.norm = nn.BatchNorm2d(embed_channels)
        self.fuse = nn.Conv2d(embed_channels * len(in_channels), embed_channels, 1, bias=False)
        self.linears = nn.ModuleList([nn.Conv2d(channels, embed_channels, 1) for channels in reversed(in_channels)])
        self.out_dims = out_dims

    def forward(self, features):
        height, width = features[0].shape[2:] if self.out_dims is None else self.out_dims
        maps = []
        for linear, feature in zip(self.linears, features[::-1], strict=True):
            maps.append(F.interpolate(linear(feature), size=(height, width), mode="bilinear"))
        x = self.fuse(torch.cat(maps, dim=1))
        return self.classifier(self.activation(self.norm(x)))
