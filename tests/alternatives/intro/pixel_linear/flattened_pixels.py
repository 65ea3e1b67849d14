"""The pixels of all images as rows of one matrix."""


class PixelLinear(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.out_channels = out_channels
        self.fc = nn.Linear(in_channels, out_channels)

    def forward(self, x):
        B, C, H, W = x.shape
        x = normalize_channels(x)
        x = x.permute(0, 2, 3, 1).reshape(B * H * W, C)
        x = self.fc(x)
        return x.reshape(B, H, W, self.out_channels).permute(0, 3, 1, 2)
