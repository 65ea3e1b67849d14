"""nn.Linear with the channels last, the last map first."""


class SegFormerHead(nn.Module):
    def __init__(self, in_channels, embed_channels, num_classes):
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(channels, embed_channels) for channels in in_channels])
        self.fuse = nn.Linear(embed_channels * len(in_channels), embed_channels)
        self.bn = nn.BatchNorm2d(embed_channels)
        self.out = nn.Linear(embed_channels, num_classes)

    def forward(self, features):
        H, W = features[0].shape[2:]
        parts = []
        for linear, x in zip(self.linears, features, strict=True):
            y = linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            parts.insert(0, F.interpolate(y, size=(H, W), mode="bilinear", align_corners=False))
        fused = self.fuse(torch.cat(parts, dim=1).permute(0, 2, 3, 1))
        activated = torch.relu(self.bn(fused.permute(0, 3, 1, 2)))
        return self.out(activated.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
