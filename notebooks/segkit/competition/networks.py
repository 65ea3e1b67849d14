"""The two networks that no library has, and the frame that gives every network logits as large as its images."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (64, 128, 256, 512)


def convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """3x3 convolution without bias, BatchNorm, ReLU: (B, in_channels, H, W) -> (B, out_channels, H, W)."""
    layer = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


class MaxUnpoolingNet(nn.Module):
    """The baseline: an encoder with max-pooling, and a decoder that puts values back where the maxima were.

    SegNet (Badrinarayanan et al. 2017, arXiv 1511.00561) with one convolution on each level. The decoder mirrors the
    encoder: level by level max-unpooling with the encoder's own indices, then a convolution. No feature map is
    carried over, and nothing is interpolated.

    Args:
        num_classes: K.
        widths: channels of the levels; every level halves both sides, rounded down.

    Shapes:
        (B, 3, H, W) -> logits (B, K, H, W), for any H and W that are at least 2 to the power of the levels.
    """

    def __init__(self, num_classes: int, widths: tuple[int, ...] = WIDTHS):
        super().__init__()
        self.encoder = nn.ModuleList(map(convolution, (3, *widths[:-1]), widths))
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.decoder = nn.ModuleList(map(convolution, widths[::-1], (*widths[-2::-1], widths[0])))
        self.classifier = nn.Conv2d(widths[0], num_classes, kernel_size=1)

    def forward(self, images: Tensor) -> Tensor:
        pooled = []
        features = images
        for level in self.encoder:
            features = level(features)
            size = [int(side) for side in features.shape[-2:]]
            features, indices = self.pool(features)
            pooled.append((size, indices))
        for level in self.decoder:
            size, indices = pooled.pop()
            # What F.max_unpool2d calls, without its checks of the size, which fvcore's counter cannot trace.
            features = level(torch.ops.aten.max_unpool2d(features, indices, size))
        return self.classifier(features)


class UNet(nn.Module):
    """U-Net (Ronneberger et al. 2015, arXiv 1505.04597) with padded convolutions and BatchNorm, trained from nothing.

    Two convolutions on each level; on the way up a transposed convolution, and the map of the same level of the way
    down beside it.

    Args:
        num_classes: K.
        widths: channels of the levels, the last one at the bottom.

    Shapes:
        (B, 3, H, W) -> logits (B, K, H, W); H and W are multiples of 2 to the power of the poolings, 16.
    """

    def __init__(self, num_classes: int, widths: tuple[int, ...] = (*WIDTHS, 1024)):
        super().__init__()
        self.down = nn.ModuleList(map(_two_convolutions, (3, *widths[:-1]), widths))
        upwards = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(below, here, 2, stride=2) for below, here in upwards)
        self.up = nn.ModuleList(_two_convolutions(2 * here, here) for _, here in upwards)
        self.classifier = nn.Conv2d(widths[0], num_classes, kernel_size=1)

    def forward(self, images: Tensor) -> Tensor:
        maps = []
        features = images
        for level in self.down:
            features = level(F.max_pool2d(features, 2) if maps else features)
            maps.append(features)
        maps.pop()
        for enlarge, level in zip(self.enlarge, self.up, strict=True):
            features = level(torch.cat([maps.pop(), enlarge(features)], dim=1))
        return self.classifier(features)


class AtImageSize(nn.Module):
    """A network whose logits are as large as its images, whatever sides these have.

    Images are padded with zeros, the mean colour once they are normalised, below and to the right, to multiples of
    what the network asks for. Logits that are smaller than that are upsampled bilinearly; the padding is cut off.

    Args:
        model: images (B, 3, H, W) -> logits (B, K, h, w).
        multiple: of the sides that the network takes.
    """

    def __init__(self, model: nn.Module, multiple: int = 1):
        super().__init__()
        self.model, self.multiple = model, multiple

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> logits (B, K, H, W)"""
        height, width = images.shape[-2:]
        padded = F.pad(images, (0, -width % self.multiple, 0, -height % self.multiple))
        logits = self.model(padded)
        if logits.shape[-2:] != padded.shape[-2:]:
            logits = F.interpolate(logits, padded.shape[-2:], mode="bilinear", align_corners=False)
        return logits[..., :height, :width]


def _two_convolutions(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(convolution(in_channels, out_channels), convolution(out_channels, out_channels))
