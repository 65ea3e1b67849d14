"""The decoder of the first assignment pasted, without a size of its own."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.out_dims = out_dims
        self.mlps = nn.ModuleList([nn.Conv2d(channels, embed_channels, kernel_size=1) for channels in in_channels])
        self.linear_fuse = nn.Conv2d(embed_channels * len(in_channels), embed_channels, 1, bias=False)
        self.batch_norm = nn.BatchNorm2d(embed_channels)
        self.predict = nn.Conv2d(embed_channels, num_classes, 1)

    def forward(self, features):
        size = self.out_dims or features[0].shape[2:]
        maps = [F.interpolate(mlp(x), size=size, mode="bilinear") for mlp, x in zip(self.mlps, features, strict=True)]
        return self.predict(self.batch_norm(self.linear_fuse(torch.cat(maps[::-1], dim=1))).relu())


class SegFormerHead(MLPDecoder):
    def __init__(self, in_channels, embed_channels, num_classes):
        super().__init__(in_channels, embed_channels, None, num_classes)
