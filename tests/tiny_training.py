"""A model, data and a training that take a second, for the tests of segkit.training."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Dataset
from torchvision.ops import StochasticDepth

from segkit.augmentation import Augmentation
from segkit.training import fit

STEPS_PER_EPOCH = 3  # 10 images in batches of 4
AUGMENTATION = Augmentation(image_size=(8, 8), target_size=(4, 4))


class Images(Dataset):
    """Random images whose labels a 1x1 convolution can learn; flipped at random, as a student's transform does."""

    def __init__(self, length, seed, flip=True):
        self.images = torch.randn(length, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
        self.flip = flip

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index]
        if self.flip and torch.rand(()) < 0.5:
            image = image.flip(-1)
        target = (image[0, ::2, ::2] > 0).long() + 2 * (image[1, ::2, ::2] > 0).long()
        return image, target


class MLPDecoder(nn.Module):
    def __init__(self, channels, num_classes):
        super().__init__()
        self.classify = nn.Conv2d(channels, num_classes, 1)

    def forward(self, features):
        return self.classify(features)


class TinyModel(nn.Module):
    """Everything that makes resuming inexact if it is forgotten: DropPath, dropout, running statistics, two rates."""

    def __init__(self, channels=8, dropout=0.2):
        super().__init__()
        self.embed = nn.Conv2d(3, channels, 2, stride=2)
        self.norm = nn.BatchNorm2d(channels)
        self.drop = nn.Dropout(dropout)
        self.block = nn.Conv2d(channels, channels, 1)
        self.drop_path = StochasticDepth(dropout, "row")
        self.decoder = MLPDecoder(channels, 4)

    def forward(self, images):
        features = self.drop(F.relu(self.norm(self.embed(images))))
        return self.decoder(features + self.drop_path(self.block(features)))


def confusion_matrix(prediction, target, num_classes=4, ignore_index=255):
    kept = target != ignore_index
    pairs = target[kept] * num_classes + prediction[kept]
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def mean_iou(confusion):
    hits = confusion.diag().double()  # float64 on purpose: what students return must not matter
    union = confusion.sum(0) + confusion.sum(1) - confusion.diag()
    return (hits / union)[union > 0].mean()


def tiny_model(seed=0, **options):
    torch.manual_seed(seed)
    return TinyModel(**options)


def train(model, out, *, train_set=None, val_set=None, **options):
    functions = {"loss": F.cross_entropy, "confusion_matrix": confusion_matrix, "mean_iou": mean_iou}
    settings = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "accelerator": "cpu", "progress": False}
    train_set = Images(10, seed=0) if train_set is None else train_set
    val_set = Images(5, seed=1, flip=False) if val_set is None else val_set
    return fit(model, train_set, val_set, out, **(functions | settings | options))


class Photographs(Dataset):
    """Random bytes as images and masks: what an augmentation starts from."""

    transform = None

    def __init__(self, length=10, seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.images = torch.randint(0, 256, (length, 3, 16, 16), generator=generator, dtype=torch.uint8)
        self.masks = self.images[:, 0] // 64

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.masks[index]


def train_augmented(model, out, **options):
    sets = {"train_set": Photographs(), "val_set": Photographs(5, seed=1), "augmentation": AUGMENTATION}
    return train(model, out, **(sets | options))


def fails_at_call(number, function, error):
    """`function`, but its call of that number (from 1) raises `error`."""
    calls = []

    def failing(*args, **kwargs):
        calls.append(1)
        if len(calls) == number:
            raise error
        return function(*args, **kwargs)

    return failing


def assert_same_weights(one, other):
    for (name, value), same in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(value, same), f"{name} differs by {(value - same).abs().max()}"
