"""The stages in an nn.ModuleDict."""


class SegFormer(nn.Module):
    def __init__(
        self,
        num_classes=4,
        *,
        channels=(32, 64, 160, 256),
        n_layers=(2, 2, 2, 2),
        reduction_ratios=(8, 4, 2, 1),
        num_heads=(1, 2, 5, 8),
        expansion_factor=4,
        embed_channels=256,
        out_dims=None,
        drop_path=0.0,
    ):
        super().__init__()
        self.stages = nn.ModuleDict()
        previous = 3
        for i in range(4):
            self.stages[f"stage{i + 1}"] = MixTransformerEncoderLayer(
                in_channels=previous,
                out_channels=channels[i],
                patch_size=7 if i == 0 else 3,
                stride=4 if i == 0 else 2,
                padding=3 if i == 0 else 1,
                n_layers=n_layers[i],
                reduction_ratio=reduction_ratios[i],
                num_heads=num_heads[i],
                expansion_factor=expansion_factor,
                drop_path=drop_path * i / 3,
            )
            previous = channels[i]
        self.decoder = MLPDecoder(channels, embed_channels, out_dims, num_classes)

    def forward(self, images):
        maps = {}
        x = images
        for name, stage in self.stages.items():
            x = stage(x)
            maps[name] = x
        return self.decoder(list(maps.values()))
