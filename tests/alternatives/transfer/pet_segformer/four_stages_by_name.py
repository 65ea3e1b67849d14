"""An encoder with its parts as attributes in lists, stage by stage as in the published code."""


class Encoder(nn.Module):
    def __init__(self, channels, depths, num_heads, ratios, expansion):
        super().__init__()
        inputs = (3, *channels[:-1])
        sizes = ((7, 4), (3, 2), (3, 2), (3, 2))
        self.patch_embeddings = nn.ModuleList(
            PatchEmbedding(before, after, *size) for before, after, size in zip(inputs, channels, sizes, strict=True)
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList(TransformerBlock(c, h, r, expansion) for _ in range(depth))
            for c, h, r, depth in zip(channels, num_heads, ratios, depths, strict=True)
        )
        self.norms = nn.ModuleList(LayerNorm2d(c) for c in channels)

    def forward(self, x):
        features = []
        for embed, blocks, norm in zip(self.patch_embeddings, self.blocks, self.norms, strict=True):
            x = embed(x)
            for block in blocks:
                x = block(x)
            x = norm(x)
            features.append(x)
        return features


class PetSegFormer(nn.Module):
    def __init__(
        self,
        num_classes,
        channels=(32, 64, 160, 256),
        depths=(2, 2, 2, 2),
        num_heads=(1, 2, 5, 8),
        reduction_ratios=(8, 4, 2, 1),
        expansion=4,
        embed_channels=128,
    ):
        super().__init__()
        self.encoder = Encoder(channels, depths, num_heads, reduction_ratios, expansion)
        self.head = SegFormerHead(list(channels), embed_channels, num_classes)

    def forward(self, images):
        return nn.Upsample(images.shape[-2:], mode="bilinear")(self.head(self.encoder(images)))
