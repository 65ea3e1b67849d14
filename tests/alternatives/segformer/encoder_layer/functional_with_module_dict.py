"""An nn.ModuleDict of all parts, and a function for the residual."""


def add_branch(x, norm, branch, drop):
    return x + drop(branch(norm(x)))


class MixTransformerEncoderLayer(nn.Module):
    def __init__(
        self,
        in_channels,
        out_channels,
        patch_size,
        stride,
        padding,
        n_layers,
        reduction_ratio,
        num_heads,
        expansion_factor,
        *,
        drop_path=0.0,
    ):
        super().__init__()
        self.n_layers = n_layers
        self.parts = nn.ModuleDict()
        self.parts["merge"] = OverlapPatchMerging(in_channels, out_channels, patch_size, stride, padding)
        for i in range(n_layers):
            self.parts[f"norm{i}a"] = LayerNorm2d(out_channels)
            self.parts[f"attention{i}"] = EfficientSelfAttention(out_channels, reduction_ratio, num_heads)
            self.parts[f"norm{i}b"] = LayerNorm2d(out_channels)
            self.parts[f"ffn{i}"] = MixFFN(out_channels, expansion_factor)
        self.parts["norm"] = LayerNorm2d(out_channels)
        self.parts["drop"] = DropPath(drop_path)

    def forward(self, x):
        parts = self.parts
        x = parts["merge"](x)
        for i in range(self.n_layers):
            x = add_branch(x, parts[f"norm{i}a"], parts[f"attention{i}"], parts["drop"])
            x = add_branch(x, parts[f"norm{i}b"], parts[f"ffn{i}"], parts["drop"])
        return parts["norm"](x)
