"""Added in place to the first map, which needs no enlarging at its own size; one bias for all."""


class FastMLPDecoder(MLPDecoder):
    def forward(self, features):
        size = tuple(self.out_dims or features[0].shape[-2:])
        blocks = [block.squeeze() for block in self.fuse.weight.chunk(len(features), dim=1)]
        blocks.reverse()
        bias = sum(block @ layer.bias for block, layer in zip(blocks, self.projections, strict=True))
        total = bias[:, None, None].expand(len(features[0]), -1, *size).clone()
        for block, layer, x in zip(blocks, self.projections, features, strict=True):
            x = nn.functional.conv2d(x, (block @ layer.weight[:, :, 0, 0])[..., None, None])
            total += x if tuple(x.shape[2:]) == size else F.interpolate(x, size=size, mode="bilinear")
        return self.classifier(torch.relu(self.norm(total)))
