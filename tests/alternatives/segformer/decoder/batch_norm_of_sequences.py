"""nn.BatchNorm1d and nn.Conv1d on flattened maps."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.out_dims = out_dims
        self.unify = nn.ModuleList([nn.Conv1d(channels, embed_channels, 1) for channels in in_channels])
        self.fuse = nn.Sequential(
            nn.Conv1d(4 * embed_channels, embed_channels, 1, bias=False),
            nn.BatchNorm1d(embed_channels),
            nn.ReLU(),
            nn.Conv1d(embed_channels, num_classes, 1),
        )

    def forward(self, features):
        height, width = self.out_dims or features[0].shape[2:]
        columns = []
        for layer, x in zip(self.unify, features, strict=True):
            unified = layer(x.flatten(2)).unflatten(2, x.shape[2:])
            enlarged = F.interpolate(unified, (height, width), mode="bilinear")
            columns.append(enlarged.flatten(2))
        return self.fuse(torch.cat(columns, dim=1)).unflatten(2, (height, width))
