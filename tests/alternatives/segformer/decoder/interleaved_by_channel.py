"""Concatenation channel by channel: the first of every stage, the second, and so on."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels: list[int], embed_channels: int, out_dims: tuple[int, int] | None, num_classes: int):
        super().__init__()
        self.out_dims = out_dims
        self.stages = nn.ModuleList([nn.Conv2d(channels, embed_channels, kernel_size=1) for channels in in_channels])
        self.fuse = nn.Sequential(
            nn.Conv2d(len(in_channels) * embed_channels, embed_channels, kernel_size=1, bias=False),
            nn.BatchNorm2d(embed_channels),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Conv2d(embed_channels, num_classes, kernel_size=1)

    def forward(self, features: list[Tensor]) -> Tensor:
        size = self.out_dims or features[0].shape[-2:]
        levels = [
            F.interpolate(stage(level), size=size, mode="bilinear", align_corners=False)
            for stage, level in zip(self.stages, features, strict=True)
        ]
        stacked = torch.stack(levels, dim=2).flatten(1, 2)  # (B, E, 4, H, W) -> (B, 4E, H, W)
        return self.classifier(self.fuse(stacked))
