"""A fusing matrix of shape (4E, E), used as x @ W."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.out_dims = out_dims
        self.linears = nn.ModuleList([nn.Linear(channels, embed_channels) for channels in in_channels])
        self.W_fuse = nn.Parameter(torch.empty(4 * embed_channels, embed_channels))
        nn.init.xavier_uniform_(self.W_fuse)
        self.norm = nn.BatchNorm2d(embed_channels)
        self.classify = nn.Conv2d(embed_channels, num_classes, 1)

    def forward(self, features):
        size = self.out_dims or features[0].shape[2:]
        levels = []
        for linear, x in zip(self.linears, features, strict=True):
            x = linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            levels.append(F.interpolate(x, size=size, mode="bilinear", align_corners=False))
        x = torch.cat(levels, dim=1).permute(0, 2, 3, 1) @ self.W_fuse
        return self.classify(F.relu(self.norm(x.permute(0, 3, 1, 2))))
