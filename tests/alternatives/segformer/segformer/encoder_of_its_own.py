"""The encoder as a module of its own."""


class MixTransformer(nn.Module):
    def __init__(self, channels, n_layers, reduction_ratios, num_heads, expansion_factor, drop_path):
        super().__init__()
        self.layers = nn.ModuleList()
        for i, width in enumerate(channels):
            patch_size, stride, padding = (7, 4, 3) if i == 0 else (3, 2, 1)
            self.layers.append(
                MixTransformerEncoderLayer(
                    3 if i == 0 else channels[i - 1],
                    width,
                    patch_size,
                    stride,
                    padding,
                    n_layers[i],
                    reduction_ratios[i],
                    num_heads[i],
                    expansion_factor,
                    drop_path=drop_path * i / max(len(channels) - 1, 1),
                )
            )

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
            yield x


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
        self.backbone = MixTransformer(channels, n_layers, reduction_ratios, num_heads, expansion_factor, drop_path)
        self.decode_head = MLPDecoder(channels, embed_channels, out_dims, num_classes)

    def forward(self, x):
        return self.decode_head(list(self.backbone(x)))
