"""What Lightning must know to train a segmentation model: the steps, the measures, the optimiser and its schedule."""

import math

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from segkit.data import IGNORE
from segkit.training.compiling import CompiledModel
from segkit.training.optimiser import Optimisation, find_head
from segkit.training.parts import Parts
from segkit.training.settings import require


class SegmentationTask(LightningModule):
    """What Lightning must know to train a segmentation model: the steps, the measures and the optimiser.

    Logs `val_loss` and `val_mean_iou`. The mean IoU comes from one confusion matrix over the whole validation set (and
    over all processes): the mean over batches of it is another, wrong number. The loss is the mean over all labelled
    pixels. `parts` has what the last step measured, see `segkit.training.parts`.

    Args:
        model: maps images (B, 3, h, w) to logits (B, num_classes, h', w').
        loss, confusion_matrix, mean_iou, auxiliary_loss: functions as in `fit`.
        head: the part of the model that is the head; None finds an `MLPDecoder`, or a part named decoder or head.
        total_steps: of the schedule; None takes the trainer's number of steps.
        compile: train with `torch.compile`; validation uses the model as it is.
        make_optimizer: function (model, learning_rate) -> optimiser; None makes that of `Optimisation`.
        optimisation: learning_rate, weight_decay and the other settings of `Optimisation`.

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
        auxiliary_loss=None,
        num_classes: int = 4,
        head: nn.Module | None = None,
        total_steps: int | None = None,
        compile: bool = False,
        make_optimizer=None,
        **optimisation,
    ):
        super().__init__()
        self.optimisation = Optimisation(**optimisation)
        self.model = model
        self.loss = loss
        self.confusion_matrix = confusion_matrix
        self.mean_iou = mean_iou
        self.auxiliary_loss = auxiliary_loss
        self.num_classes = num_classes
        self.total_steps = total_steps
        # in a list: assigned as it is, Lightning would save the head a second time
        searched = head is None and make_optimizer is None
        self._head = [find_head(model, self.optimisation.head_learning_rate_factor) if searched else head]
        self.make_optimizer = make_optimizer
        self._compiled = [CompiledModel(model)] if compile else []
        self.parts = None

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, h, w) -> logits (B, num_classes, h', w')"""
        return self.model(images)

    def on_fit_start(self):
        self.parts = Parts(self.trainer)

    def training_step(self, batch, batch_index) -> Tensor:
        images, target = batch
        forward = self._compiled[0] if self._compiled else self.model
        loss = self._training_loss(forward(images), target)
        return self.parts.weighted(loss, self._checked_value(loss), target)

    def _training_loss(self, answer: Tensor | dict[str, Tensor], target: Tensor) -> Tensor:
        if self.auxiliary_loss is None:
            return self.loss(self._logits(answer, target), target)
        require(
            isinstance(answer, dict) and answer.keys() >= {"out", "aux"},
            'auxiliary_loss needs a model whose answer in training mode is a dictionary of "out" and "aux".',
        )
        return self.auxiliary_loss(self._logits(answer["out"], target), answer["aux"].float(), target)

    def on_before_optimizer_step(self, optimizer):
        self.parts.complete(self.parameters())

    def on_validation_epoch_start(self):
        self._confusion = torch.zeros(self.num_classes, self.num_classes, dtype=torch.int64)
        self._loss_sum = self._labelled = 0.0

    def validation_step(self, batch, batch_index):
        images, target = batch
        logits = self._logits(self.model(images), target)
        if labelled := int((target != IGNORE).sum()):
            self._loss_sum += labelled * float(self.loss(logits, target))
            self._labelled += labelled
        # a few kilobytes of labels; counting integers is fast on the CPU and works the same everywhere
        confusion = self.confusion_matrix(logits.argmax(1).cpu(), target.cpu(), num_classes=self.num_classes)
        self._confusion += _checked_confusion(confusion, self.num_classes)

    def on_validation_epoch_end(self):
        confusion, sums = self._confusion, torch.tensor([self._loss_sum, self._labelled], dtype=torch.float64)
        if self.trainer.world_size > 1:
            for total in (confusion := confusion.to(self.device), sums := sums.to(self.device)):
                torch.distributed.all_reduce(total)
        # as Python floats: float64 tensors, which a mean of integers easily is, do not exist on MPS
        self.log("val_loss", float(sums[0] / sums[1]))
        self.log("val_mean_iou", float(self.mean_iou(confusion.cpu())))

    def configure_optimizers(self):
        total_steps = self.total_steps or int(self.trainer.estimated_stepping_batches)
        warmup_steps = self.optimisation.warmup_steps
        require(
            warmup_steps <= total_steps,
            f"warmup_steps={warmup_steps} is longer than the whole training of {total_steps} steps.",
        )
        optimizer = self.optimizer_for_model()
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: self.optimisation.factor(step, total_steps)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step", "name": "learning_rate"},
        }

    def optimizer_for_model(self) -> torch.optim.Optimizer:
        """A new optimiser of this task's kind for its model.

        Raises:
            CourseError: if `make_optimizer` makes something else.
        """
        if self.make_optimizer is None:
            return self.optimisation.optimizer(self.model, self._head[0])
        optimizer = self.make_optimizer(self.model, self.optimisation.learning_rate)
        require(
            isinstance(optimizer, torch.optim.Optimizer),
            f"optimizer(model, learning_rate) must return an optimiser of torch, not {described(optimizer)}.",
        )
        return optimizer

    def _logits(self, logits: Tensor, target: Tensor) -> Tensor:
        expected = (len(target), self.num_classes, *target.shape[1:])
        require(
            isinstance(logits, Tensor),
            f"The model answers with {described(logits)} in training mode: logits are needed, or an auxiliary_loss.",
        )
        require(
            tuple(logits.shape) == expected,
            f"The model gives logits of shape {tuple(logits.shape)} where targets of shape {tuple(target.shape)} and "
            f"num_classes={self.num_classes} need {expected}: choose out_dims or the size of the targets accordingly.",
        )
        # what a student's loss computes step by step is not precise enough in 16 bits
        return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits

    def _checked_value(self, loss) -> float:
        require(
            isinstance(loss, Tensor) and loss.numel() == 1 and loss.requires_grad,
            "loss(logits, target) must return a tensor with one element that is computed from the logits, "
            f"not {described(loss)}.",
        )
        value = float(loss.detach())
        require(
            math.isfinite(value),
            f"The training loss became {value} at step {self.global_step}: try a lower learning_rate "
            f"(it is {self.optimisation.learning_rate:g}), or look for a division by 0 or a logarithm of 0 in it.",
        )
        return value


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
