"""Subclasses of the stage, for the first one and the others."""


class FirstStage(MixTransformerEncoderLayer):
    def __init__(self, out_channels, *layers):
        super().__init__(3, out_channels, 7, 4, 3, *layers)


class LaterStage(MixTransformerEncoderLayer):
    def __init__(self, in_channels, out_channels, *layers):
        super().__init__(in_channels, out_channels, 3, 2, 1, *layers)


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
        layers = list(zip(n_layers, reduction_ratios, num_heads, [expansion_factor] * 4, strict=True))
        self.stage1 = FirstStage(channels[0], *layers[0])
        self.stage2 = LaterStage(channels[0], channels[1], *layers[1])
        self.stage3 = LaterStage(channels[1], channels[2], *layers[2])
        self.stage4 = LaterStage(channels[2], channels[3], *layers[3])
        self.decoder = MLPDecoder(channels, embed_channels, out_dims, num_classes)

    def forward(self, images):
        one = self.stage1(images)
        two = self.stage2(one)
        three = self.stage3(two)
        four = self.stage4(three)
        return self.decoder([one, two, three, four])
