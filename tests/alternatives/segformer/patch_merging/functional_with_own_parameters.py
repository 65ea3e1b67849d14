"""F.conv2d and F.layer_norm with parameters of its own."""


class OverlapPatchMerging(nn.Module):
    def __init__(self, in_channels, out_channels, patch_size, stride, padding):
        super().__init__()
        self.stride, self.padding = stride, padding
        self.kernel = nn.Parameter(torch.empty(out_channels, in_channels, patch_size, patch_size))
        nn.init.kaiming_normal_(self.kernel)
        self.shift = nn.Parameter(torch.zeros(out_channels))
        self.norm_weight = nn.Parameter(torch.ones(out_channels))
        self.norm_bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x):
        x = F.conv2d(x, self.kernel, self.shift, stride=self.stride, padding=self.padding)
        x = x.movedim(1, -1)
        x = F.layer_norm(x, x.shape[-1:], self.norm_weight, self.norm_bias, eps=1e-6)
        return x.movedim(-1, 1)
