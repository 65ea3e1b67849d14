"""Linear layers with the channels last."""


class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        hidden = expansion_factor * channels
        self.layers = nn.ModuleDict(
            dict(
                one=nn.Linear(channels, hidden),
                two=nn.Conv2d(hidden, hidden, 3, padding="same", groups=hidden),
                three=nn.Linear(hidden, channels),
                act=nn.GELU(),
            )
        )

    def forward(self, x):
        x = self.layers["one"](x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = self.layers["act"](self.layers["two"](x)).permute(0, 2, 3, 1)
        return self.layers["three"](x).permute(0, 3, 1, 2)
