"""The encoder is a ModuleList of Sequentials, and the model itself walks through it; torchvision enlarges."""

from torchvision.transforms.v2.functional import resize


class PetSegFormer(nn.Module):
    def __init__(
        self, num_classes, channels=(32, 64, 160, 256), depths=(2,) * 4, num_heads=(1, 2, 5, 8),
        reduction_ratios=(8, 4, 2, 1), expansion=4, embed_channels=128,
    ):  # fmt: skip
        super().__init__()
        self.head = SegFormerHead(channels, embed_channels, num_classes)
        self.encoder = nn.ModuleList()
        previous = 3
        for width, depth, heads, ratio in zip(channels, depths, num_heads, reduction_ratios, strict=True):
            stage = nn.Sequential(PatchEmbedding(previous, width, *((7, 4) if previous == 3 else (3, 2))))
            for _ in range(depth):
                stage.append(TransformerBlock(width, num_heads=heads, reduction_ratio=ratio, expansion=expansion))
            self.encoder.append(stage.append(LayerNorm2d(width)))
            previous = width

    def forward(self, images):
        levels = [images]
        for stage in self.encoder:
            levels.append(stage(levels[-1]))
        return resize(self.head(levels[1:]), list(images.shape[2:]), antialias=False)
