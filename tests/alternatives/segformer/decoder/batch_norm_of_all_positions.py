"""All positions of the batch as rows of one matrix, nn.BatchNorm1d."""


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes):
        super().__init__()
        self.out_dims = out_dims
        self.linears = nn.ModuleList([nn.Linear(channels, embed_channels) for channels in in_channels])
        self.head = nn.Sequential(
            nn.Linear(4 * embed_channels, embed_channels, bias=False),
            nn.BatchNorm1d(embed_channels),
            nn.ReLU(),
            nn.Linear(embed_channels, num_classes),
        )

    def forward(self, features):
        B = features[0].shape[0]
        H, W = self.out_dims if self.out_dims is not None else features[0].shape[-2:]
        rows = []
        for linear, x in zip(self.linears, features, strict=True):
            x = linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            x = F.interpolate(x, size=(H, W), mode="bilinear", align_corners=False)
            rows.append(x.permute(0, 2, 3, 1).reshape(B * H * W, -1))
        logits = self.head(torch.cat(rows[::-1], dim=1))
        return logits.reshape(B, H, W, -1).permute(0, 3, 1, 2)
