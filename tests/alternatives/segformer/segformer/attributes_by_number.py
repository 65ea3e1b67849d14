"""Stages as numbered attributes, the decoder registered first."""


class SegFormer(nn.Module):
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
        self.decoder = MLPDecoder(
            in_channels=channels, embed_channels=embed_channels, out_dims=out_dims, num_classes=num_classes
        )
        patch_sizes, strides, paddings = (7, 3, 3, 3), (4, 2, 2, 2), (3, 1, 1, 1)
        for i in reversed(range(4)):
            stage = MixTransformerEncoderLayer(
                in_channels=channels[i - 1] if i > 0 else 3,
                out_channels=channels[i],
                patch_size=patch_sizes[i],
                stride=strides[i],
                padding=paddings[i],
                n_layers=n_layers[i],
                reduction_ratio=reduction_ratios[i],
                num_heads=num_heads[i],
                expansion_factor=expansion_factor,
            )
            setattr(self, f"stage{i}", stage)

    def forward(self, images: Tensor) -> Tensor:
        f0 = self.stage0(images)
        f1 = self.stage1(f0)
        f2 = self.stage2(f1)
        f3 = self.stage3(f2)
        return self.decoder([f0, f1, f2, f3])
