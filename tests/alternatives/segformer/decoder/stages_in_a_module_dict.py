"""The linear layers of the stages by name, all channels stacked before they are flattened."""


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
        self.linear = nn.ModuleDict()
        for number, channels in enumerate(in_channels, start=1):
            self.linear[f"stage{number}"] = nn.Conv2d(channels, embed_channels, kernel_size=1)
        self.head = nn.Sequential()
        self.head.add_module("fuse", nn.Conv2d(embed_channels * len(in_channels), embed_channels, kernel_size=1))
        self.head.add_module("norm", nn.BatchNorm2d(embed_channels))
        self.head.add_module("activation", nn.ReLU())
        self.head.add_module("classify", nn.Conv2d(embed_channels, num_classes, kernel_size=1))

    def forward(self, features: list[Tensor]) -> Tensor:
        size = list(features[0].shape[2:] if self.out_dims is None else self.out_dims)
        up = nn.Upsample(size=size, mode="bilinear", align_corners=False)
        maps = [up(linear(x)) for linear, x in zip(self.linear.values(), features, strict=True)]
        return self.head(torch.stack(maps, dim=1).flatten(1, 2))
