"""A Sequential with a bias that the BatchNorm takes away, and nn.Upsample."""


class AuxiliaryHead(nn.Sequential):
    def __init__(self, in_channels, channels, num_classes):
        super().__init__(
            nn.Conv2d(in_channels, channels, 3, padding="same"),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, num_classes, 1),
        )


def auxiliary_loss(main_logits, auxiliary_logits, target, criterion, weight=0.4):
    up = nn.Upsample(size=tuple(target.shape[1:]), mode="bilinear")
    heads = [(1.0, main_logits)] + [(weight, auxiliary_logits)] * (auxiliary_logits is not None)
    return sum(share * criterion(up(logits), target) for share, logits in heads)
