"""A subclass of nn.Sequential whose last part is the decoder."""


class SegFormer(nn.Sequential):
    def __init__(
        self,
        num_classes: int = 4,
        *,
        channels: tuple[int, ...] = (32, 64, 160, 256),
        n_layers: tuple[int, ...] = (2, 2, 2, 2),
        reduction_ratios: tuple[int, ...] = (8, 4, 2, 1),
        num_heads: tuple[int, ...] = (1, 2, 5, 8),
        expansion_factor: int = 4,
        embed_channels: int = 256,
        out_dims: tuple[int, int] | None = None,
        drop_path: float = 0.0,
    ):
        super().__init__()
        inputs = (3, *channels[:-1])
        windows = ((7, 4, 3), (3, 2, 1), (3, 2, 1), (3, 2, 1))
        for c_in, c_out, window, n, ratio, heads in zip(
            inputs, channels, windows, n_layers, reduction_ratios, num_heads, strict=True
        ):
            self.append(MixTransformerEncoderLayer(c_in, c_out, *window, n, ratio, heads, expansion_factor))
        self.append(MLPDecoder(list(channels), embed_channels, out_dims, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        *stages, decoder = self
        features = []
        for stage in stages:
            features.append(stage(features[-1] if features else images))
        return decoder(features)
