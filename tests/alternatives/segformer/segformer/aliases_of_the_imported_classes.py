"""Shorter names for the imported classes."""

Stage = MixTransformerEncoderLayer
Decoder = MLPDecoder


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
        rates = [drop_path * i / 3 for i in range(4)]
        stages = [
            Stage(
                3,
                channels[0],
                7,
                4,
                3,
                n_layers[0],
                reduction_ratios[0],
                num_heads[0],
                expansion_factor,
                drop_path=rates[0],
            )
        ]
        for i in (1, 2, 3):
            stage = Stage(
                channels[i - 1],
                channels[i],
                3,
                2,
                1,
                n_layers[i],
                reduction_ratios[i],
                num_heads[i],
                expansion_factor,
                drop_path=rates[i],
            )
            stages.append(stage)
        self.encoder = nn.ModuleList(stages)
        self.decoder = Decoder(list(channels), embed_channels, out_dims, num_classes)

    def forward(self, images):
        features = [images]
        for stage in self.encoder:
            features.append(stage(features[-1]))
        return self.decoder(features[1:])
