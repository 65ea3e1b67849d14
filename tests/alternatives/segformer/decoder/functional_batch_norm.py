"""F.batch_norm with parameters and buffers of its own, F.linear with a bias in the fusing layer."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.size = out_dims
        self.stage_layers = nn.ModuleList([nn.Linear(c, embed_channels) for c in in_channels])
        self.fuse_layer = nn.Linear(len(in_channels) * embed_channels, embed_channels)
        self.class_layer = nn.Linear(embed_channels, num_classes)
        self.gamma = nn.Parameter(torch.ones(embed_channels))
        self.beta = nn.Parameter(torch.zeros(embed_channels))
        self.register_buffer("running_mean", torch.zeros(embed_channels))
        self.register_buffer("running_var", torch.ones(embed_channels))

    @staticmethod
    def apply_linear(layer, maps):
        return F.linear(maps.movedim(1, -1), layer.weight, layer.bias).movedim(-1, 1)

    def forward(self, features):
        size = tuple(features[0].shape[2:]) if self.size is None else tuple(self.size)
        projected = [self.apply_linear(layer, x) for layer, x in zip(self.stage_layers, features, strict=True)]
        resized = [F.interpolate(x, size, mode="bilinear", align_corners=False) for x in reversed(projected)]
        x = self.apply_linear(self.fuse_layer, torch.cat(resized, dim=1))
        x = F.batch_norm(x, self.running_mean, self.running_var, self.gamma, self.beta, training=self.training)
        return self.apply_linear(self.class_layer, F.relu(x))
