"""The fusing layer as a sum of four linear layers with biases."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.out_dims = out_dims
        self.linears = nn.ModuleList()
        self.fuses = nn.ModuleList()
        for channels in in_channels:
            self.linears.append(nn.Linear(channels, embed_channels))
            self.fuses.append(nn.Linear(embed_channels, embed_channels))
        self.batch_norm = nn.BatchNorm2d(embed_channels)
        self.head = nn.Linear(embed_channels, num_classes)

    def forward(self, features):
        H, W = features[0].shape[2:] if self.out_dims is None else self.out_dims
        fused = []
        for i, x in enumerate(features):
            x = self.linears[i](x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            x = nn.Upsample(size=(H, W), mode="bilinear")(x)
            fused.append(self.fuses[i](x.permute(0, 2, 3, 1)))
        x = torch.stack(fused).sum(dim=0).permute(0, 3, 1, 2)
        x = F.relu(self.batch_norm(x))
        return self.head(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
