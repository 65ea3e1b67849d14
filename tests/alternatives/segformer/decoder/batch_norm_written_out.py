"""BatchNorm by hand, with buffers for its statistics."""


class BatchNorm(nn.Module):
    def __init__(self, channels, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        if self.training:
            mean = x.mean(dim=(0, 2, 3))
            var = x.var(dim=(0, 2, 3), unbiased=False)
            n = x.numel() / x.shape[1]
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * n / (n - 1), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        mean, var, weight, bias = (t[None, :, None, None] for t in (mean, var, self.weight, self.bias))
        return (x - mean) / torch.sqrt(var + self.eps) * weight + bias


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.out_dims = out_dims
        self.mlps = nn.ModuleList([nn.Conv2d(channels, embed_channels, 1) for channels in in_channels])
        self.fuse = nn.Conv2d(4 * embed_channels, embed_channels, 1, bias=False)
        self.bn = BatchNorm(embed_channels)
        self.out = nn.Conv2d(embed_channels, num_classes, 1)

    def forward(self, features):
        size = self.out_dims or features[0].shape[2:]
        maps = [self.mlps[i](features[i]) for i in range(4)]
        maps = [F.interpolate(m, size=tuple(size), mode="bilinear", align_corners=False) for m in maps]
        fused = self.bn(self.fuse(torch.cat(maps, dim=1)))
        return self.out(torch.clamp(fused, min=0))
