"""A model, data, a metric and an optimiser with which a run of the transfer assignment takes a second."""

import torch
from torch import nn
from torch.utils.data import Dataset
from torchvision.models.segmentation.fcn import FCN, FCNHead

from segkit.transfer.recipe import Recipe
from segkit.transfer.sets import Sets
from segkit.transfer.training import train_run

RECIPE = Recipe(learning_rate=1e-2, batch_size=4, epochs=4)


class Blobs(Dataset):
    """Random images whose three classes a 1x1 convolution can learn; a row of each target is ignored."""

    def __init__(self, length: int, seed: int):
        generator = torch.Generator().manual_seed(seed)
        self.images = torch.randn(length, 3, 8, 8, generator=generator)
        self.targets = self.images.argmax(dim=1)
        self.targets[:, 0] = 255

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.targets[index]


def blobs(name="blobs", seed=0) -> Sets:
    return Sets(name, Blobs(10, seed), Blobs(6, seed + 1), num_classes=3)


class Metric:
    """As students write it."""

    def __init__(self, num_classes, ignore_index=255):
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.reset()

    def reset(self):
        self.confusion = torch.zeros(self.num_classes, self.num_classes, dtype=torch.int64)

    def update(self, prediction, target):
        kept = target != self.ignore_index
        pairs = target[kept] * self.num_classes + prediction[kept]
        self.confusion += torch.bincount(pairs, minlength=self.num_classes**2).view_as(self.confusion)

    def iou(self):
        union = self.confusion.sum(0) + self.confusion.sum(1) - self.confusion.diag()
        return self.confusion.diag().double() / union

    def mean_iou(self):
        return self.iou().nanmean()


class AverageOfRows(Metric):
    """Another metric under the same name."""

    def mean_iou(self):
        return (self.confusion.diag() / self.confusion.sum(1)).nanmean()


AverageOfRows.__name__ = "Metric"


class Encoder(nn.Sequential):
    def forward(self, images):
        return {"out": super().forward(images)}


def tiny_fcn() -> FCN:
    """torchvision's FCN on a backbone of one layer."""
    return FCN(Encoder(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU()), FCNHead(8, 3))


def build_optimizer(model, learning_rate):
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(trained, lr=learning_rate, amsgrad=True)


def tiny_run(folder, name="fcn", model=tiny_fcn, data=None, **options):
    settings = {"metric": Metric, "optimizer": build_optimizer, "recipe": RECIPE, "progress": False}
    return train_run(name, model, data or blobs(), folder=folder, accelerator="cpu", **(settings | options))
