"""What Lightning must know to train a segmentation model: the steps, the measures, the optimiser and its schedule."""

import math

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from segkit.errors import CourseError
from segkit.training.settings import require

HEAD_NAMES = ("decoder", "decode_head", "head")
NORMS = (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)


class SegmentationTask(LightningModule):
    """What Lightning must know to train a segmentation model: the steps, the measures and the optimiser.

    Logs `train_loss` per step, and `val_loss` and `val_mean_iou` per epoch. The mean IoU comes from one confusion
    matrix over the whole validation set (and over all processes): the mean over batches of it is another, wrong number.

    Args:
        model: maps images (B, 3, h, w) to logits (B, num_classes, h', w').
        loss, confusion_matrix, mean_iou: functions as in `fit`.
        learning_rate: of the encoder, at the end of the warm-up.
        weight_decay: of weights; norms and biases have none.
        head_learning_rate_factor: how many times higher the learning rate of the head is.
        head: the part of the model that is the head; None finds an `MLPDecoder`, or a part named decoder or head.
        warmup_steps, total_steps: see `learning_rate_factor`; None takes the trainer's number of steps.

    Raises:
        CourseError: if a setting is wrong or no head can be found.
    """

    def __init__(
        self,
        model: nn.Module,
        loss,
        *,
        confusion_matrix,
        mean_iou,
        num_classes: int = 4,
        learning_rate: float = 6e-5,
        weight_decay: float = 0.01,
        head_learning_rate_factor: float = 10.0,
        head: nn.Module | None = None,
        warmup_steps: int,
        total_steps: int | None = None,
    ):
        super().__init__()
        require(learning_rate > 0, f"learning_rate={learning_rate} must be positive, for example 6e-5.")
        require(weight_decay >= 0, f"weight_decay={weight_decay} must not be negative; the paper's is 0.01.")
        require(head_learning_rate_factor > 0, f"head_learning_rate_factor={head_learning_rate_factor} must be > 0.")
        require(warmup_steps >= 0, f"warmup_steps={warmup_steps} must not be negative; 0 is no warm-up.")
        self.model = model
        self.loss = loss
        self.confusion_matrix = confusion_matrix
        self.mean_iou = mean_iou
        self.num_classes = num_classes
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.head_learning_rate_factor = head_learning_rate_factor
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        # in a list: assigned as it is, Lightning would save the head a second time
        self._head = [head if head is not None else _find_head(model, head_learning_rate_factor)]
        self._confusion = None

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, h, w) -> logits (B, num_classes, h', w')"""
        return self.model(images)

    def training_step(self, batch, batch_index) -> Tensor:
        images, target = batch
        loss = self.loss(self._logits(images, target), target)
        self._check_loss(loss)
        self.log("train_loss", loss, on_step=True, on_epoch=False)
        self.log("train_loss_epoch", loss, on_step=False, on_epoch=True, logger=False, batch_size=len(images))
        return loss

    def on_validation_epoch_start(self):
        self._confusion = torch.zeros(self.num_classes, self.num_classes, dtype=torch.int64)

    def validation_step(self, batch, batch_index):
        images, target = batch
        logits = self._logits(images, target)
        loss = self.loss(logits, target)
        # a few kilobytes of labels; counting integers is fast on the CPU and works the same everywhere
        confusion = self.confusion_matrix(logits.argmax(1).cpu(), target.cpu(), num_classes=self.num_classes)
        self._confusion += _checked_confusion(confusion, self.num_classes)
        self.log("val_loss", loss, batch_size=len(images), sync_dist=self.trainer.world_size > 1)

    def on_validation_epoch_end(self):
        confusion = self._confusion
        if self.trainer.world_size > 1:
            confusion = self.trainer.strategy.reduce(confusion.to(self.device), reduce_op="sum").cpu()
        # as a Python float: a float64 tensor, which a mean of integers easily is, does not exist on MPS
        self.log("val_mean_iou", float(self.mean_iou(confusion)))

    def configure_optimizers(self):
        total_steps = self.total_steps or int(self.trainer.estimated_stepping_batches)
        require(
            self.warmup_steps <= total_steps,
            f"warmup_steps={self.warmup_steps} is longer than the whole training of {total_steps} steps.",
        )
        optimizer = torch.optim.AdamW(self._parameter_groups())
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, self.warmup_steps, total_steps)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step", "name": "learning_rate"},
        }

    def _logits(self, images: Tensor, target: Tensor) -> Tensor:
        logits = self.model(images)
        expected = (len(target), self.num_classes, *target.shape[1:])
        require(
            tuple(logits.shape) == expected,
            f"The model gives logits of shape {tuple(logits.shape)} where targets of shape {tuple(target.shape)} and "
            f"num_classes={self.num_classes} need {expected}: choose out_dims or the size of the targets accordingly.",
        )
        # what a student's loss computes step by step is not precise enough in 16 bits
        return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits

    def _check_loss(self, loss):
        require(
            isinstance(loss, Tensor) and loss.numel() == 1 and loss.requires_grad,
            "loss(logits, target) must return a tensor with one element that is computed from the logits, "
            f"not {described(loss)}.",
        )
        value = float(loss.detach())
        require(
            math.isfinite(value),
            f"The training loss became {value} at step {self.global_step}: try a lower learning_rate "
            f"(it is {self.learning_rate:g}), or look in your loss for a division by 0 or the logarithm of 0.",
        )

    def _parameter_groups(self) -> list[dict]:
        """Body and head, each with and without weight decay; a group that nobody is in is left out."""
        in_head = set(self._head[0].parameters()) if self._head[0] is not None else set()
        without_decay = _parameters_without_decay(self.model)
        groups = {
            "body": {"lr": self.learning_rate, "weight_decay": self.weight_decay},
            "body, no decay": {"lr": self.learning_rate, "weight_decay": 0.0},
            "head": {"lr": self.learning_rate * self.head_learning_rate_factor, "weight_decay": self.weight_decay},
            "head, no decay": {"lr": self.learning_rate * self.head_learning_rate_factor, "weight_decay": 0.0},
        }
        for name, group in groups.items():
            group |= {"name": name, "params": []}
        for parameter in self.model.parameters():
            name = ("head" if parameter in in_head else "body") + (", no decay" if parameter in without_decay else "")
            if parameter.requires_grad:
                groups[name]["params"].append(parameter)
        return [group for group in groups.values() if group["params"]]


def learning_rate_factor(step: int, warmup_steps: int, total_steps: int) -> float:
    """The part of the full learning rate that is used at `step` (counted from 0): poly with power 1 and warm-up.

        min(1, (step + 1) / warmup_steps) * (1 - step / total_steps)

    With 4 warm-up steps of 100: 0.25, 0.495, 0.735, 0.97, 0.96, ..., 0.01.
    """
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return warmup * max(0.0, 1.0 - step / total_steps)


def _find_head(model: nn.Module, factor: float) -> nn.Module | None:
    """The decoder of the model, found by its class or its name."""
    if factor == 1:
        return None
    for part in model.modules():
        if any(cls.__name__ == "MLPDecoder" for cls in type(part).__mro__):
            return part
    for name, part in model.named_children():
        if name in HEAD_NAMES:
            return part
    raise CourseError(
        f"There is no decoder to be found in {type(model).__name__}: say head=model.THE_PART that gets the higher "
        "learning rate, or head_learning_rate_factor=1."
    )


def _parameters_without_decay(model: nn.Module) -> set[nn.Parameter]:
    """Biases, and scale and shift of norms: pulling those to 0 simplifies nothing."""
    return {
        parameter
        for module in model.modules()
        for parameter in module.parameters(recurse=False)
        if parameter.ndim <= 1 or isinstance(module, NORMS)
    }


def _checked_confusion(counts, num_classes: int) -> Tensor:
    require(
        isinstance(counts, Tensor) and tuple(counts.shape) == (num_classes, num_classes),
        "confusion_matrix(prediction, target, num_classes) must return a tensor of shape "
        f"{(num_classes, num_classes)}, not {described(counts)}.",
    )
    return counts.to("cpu", torch.int64)


def described(value) -> str:
    if isinstance(value, Tensor):
        detached = "" if value.requires_grad else " without a gradient"
        return f"a tensor of shape {tuple(value.shape)}{detached}"
    return f"{type(value).__name__} {value!r}"[:80]
