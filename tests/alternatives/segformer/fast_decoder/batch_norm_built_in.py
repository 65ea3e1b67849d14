"""In evaluation BatchNorm is built into the matrices; in training it stands after the sum."""


class FastMLPDecoder(MLPDecoder):
    def matrices(self):
        blocks = self.fuse.weight.flatten(1).chunk(len(self.projections), 1)[::-1]
        for layer, block in zip(self.projections, blocks, strict=True):
            yield block @ layer.weight.flatten(1), block @ layer.bias

    def forward(self, features):
        size = self.out_dims or features[0].shape[2:]
        scale, shift = torch.ones_like(self.norm.weight), torch.zeros_like(self.norm.bias)
        if not self.training:
            scale = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
            shift = self.norm.bias - self.norm.running_mean * scale
        x = shift[:, None, None]
        for feature, (weight, bias) in zip(features, self.matrices(), strict=True):
            mapped = F.conv2d(feature, (scale[:, None] * weight)[:, :, None, None], scale * bias)
            x = x + F.interpolate(mapped, size, mode="bilinear", align_corners=False)
        return self.classifier(F.relu(self.norm(x) if self.training else x))
