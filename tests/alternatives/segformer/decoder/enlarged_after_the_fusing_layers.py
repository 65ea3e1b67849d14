"""Both linear layers on the small maps, which are enlarged and added afterwards."""


class MLPDecoder(nn.Module):
    def __init__(
        self,
        in_channels: list[int] | tuple[int, ...],
        embed_channels: int,
        out_dims: tuple[int, int] | None,
        num_classes: int,
    ):
        super().__init__()
        self.out_dims = out_dims
        # Interpolation and linear layers may change places: a weighted mean stays one.
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, embed_channels, 1), nn.Conv2d(embed_channels, embed_channels, 1, bias=False)
            )
            for channels in in_channels
        )
        self.norm = nn.BatchNorm2d(embed_channels)
        self.classifier = nn.Conv2d(embed_channels, num_classes, 1)

    def forward(self, features: list[Tensor]) -> Tensor:
        size = self.out_dims or tuple(features[0].shape[-2:])
        fused = sum(
            F.interpolate(level(x), size, mode="bilinear", align_corners=False)
            for level, x in zip(self.levels, features, strict=True)
        )
        return self.classifier(self.norm(fused).relu())
