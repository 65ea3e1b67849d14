"""Four stages by name, classes taken from the module."""


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
    ):
        super().__init__()
        stage = modules.MixTransformerEncoderLayer
        settings = [
            dict(n_layers=n, reduction_ratio=r, num_heads=h, expansion_factor=expansion_factor)
            for n, r, h in zip(n_layers, reduction_ratios, num_heads, strict=True)
        ]
        self.stage1 = stage(3, channels[0], 7, 4, 3, **settings[0])
        self.stage2 = stage(channels[0], channels[1], 3, 2, 1, **settings[1])
        self.stage3 = stage(channels[1], channels[2], 3, 2, 1, **settings[2])
        self.stage4 = stage(channels[2], channels[3], 3, 2, 1, **settings[3])
        self.head = modules.MLPDecoder(channels, embed_channels, out_dims, num_classes)

    def forward(self, x):
        one = self.stage1(x)
        two = self.stage2(one)
        three = self.stage3(two)
        return self.head([one, two, three, self.stage4(three)])
