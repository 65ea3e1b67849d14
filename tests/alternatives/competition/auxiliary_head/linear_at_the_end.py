"""The last layer as a linear one over the channels; logits are enlarged only where they are smaller."""


class AuxiliaryHead(nn.Module):
    def __init__(self, in_channels, channels, num_classes):
        super().__init__()
        self.pad = nn.ZeroPad2d(1)
        self.first = nn.Conv2d(in_channels, channels, (3, 3), bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.last = nn.Linear(channels, num_classes)

    def forward(self, maps):
        hidden = self.norm(self.first(self.pad(maps))).clamp(min=0)
        return self.last(hidden.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def auxiliary_loss(main_logits, auxiliary_logits, target, criterion, weight=0.4):
    losses = []
    for logits in (main_logits, auxiliary_logits):
        if logits is not None:
            if logits.shape[-2:] != target.shape[-2:]:
                logits = F.interpolate(logits, size=target.shape[-2:], mode="bilinear")
            losses.append(criterion(logits, target))
    return losses[0] if len(losses) == 1 else torch.stack(losses) @ losses[0].new_tensor([1, weight])
