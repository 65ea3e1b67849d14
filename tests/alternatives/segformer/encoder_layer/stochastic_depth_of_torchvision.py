"""torchvision's StochasticDepth, nn.LayerNorm with the channels last."""

from torchvision.ops import StochasticDepth


class MixTransformerEncoderLayer(nn.Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        patch_size: int,
        stride: int,
        padding: int,
        n_layers: int,
        reduction_ratio: int,
        num_heads: int,
        expansion_factor: int,
        *,
        drop_path: float = 0.0,
    ):
        super().__init__()
        self.patch_embed = OverlapPatchMerging(in_channels, out_channels, patch_size, stride, padding)
        self.attentions = nn.ModuleList()
        self.ffns = nn.ModuleList()
        self.norms = nn.ModuleList()
        for _ in range(n_layers):
            self.attentions.append(EfficientSelfAttention(out_channels, reduction_ratio, num_heads))
            self.ffns.append(MixFFN(out_channels, expansion_factor))
            self.norms.append(nn.LayerNorm(out_channels, eps=1e-6))
            self.norms.append(nn.LayerNorm(out_channels, eps=1e-6))
        self.last_norm = nn.LayerNorm(out_channels, eps=1e-6)
        self.stochastic_depth = StochasticDepth(drop_path, mode="row")

    def normalise(self, norm: nn.LayerNorm, x: Tensor) -> Tensor:
        return norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x)
        for i, (attention, ffn) in enumerate(zip(self.attentions, self.ffns, strict=True)):
            x = x + self.stochastic_depth(attention(self.normalise(self.norms[2 * i], x)))
            x = x + self.stochastic_depth(ffn(self.normalise(self.norms[2 * i + 1], x)))
        return self.normalise(self.last_norm, x)
