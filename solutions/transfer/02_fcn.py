# %% [markdown]
# # 2 · FCN: a classifier that paints
#
# Placeholder

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor, nn
from torchvision.models.segmentation import fcn_resnet50

from segkit import check
from segkit.devices import device_of


# %% role="stub" id="replace_head" task="2.1"
def replace_head(model: nn.Module, num_classes: int) -> nn.Module:
    """Give torchvision's FCN new last layers for `num_classes` classes, in place; return the model.

    Arguments:
        model: an FCN of torchvision: `classifier`, and `aux_classifier`, which may be None. Each is an `FCNHead`, an
            `nn.Sequential` whose last layer is a 1x1 convolution with a bias that gives the logits.

    The new layers are fresh 1x1 convolutions with a bias, and take as many channels as the old ones did. Everything
    else, the other layers of both heads included, stays as it is.

    Example: replace_head(fcn_resnet50(), 3)(images)["out"] has shape (B, 3, H, W)
    """
    ### BEGIN SOLUTION
    for head in (model.classifier, model.aux_classifier):
        if head is not None:
            head[-1] = nn.Conv2d(head[-1].in_channels, num_classes, kernel_size=1)
    return model
    ### END SOLUTION


# %% role="check" id="fcn_head" points=5
check("fcn_head")


# %% role="stub" id="freeze_encoder" task="2.2"
def freeze_encoder(model: nn.Module) -> nn.Module:
    """Turn the encoder of a model into a fixed function of the image, in place; return the model.

    Arguments:
        model: its encoder is called `backbone` (as in torchvision's models) or `encoder`.

    No parameter of the encoder takes a gradient any more. Its normalisation layers compute as in evaluation mode, with
    the running statistics that they have, and never change them: also after `model.train()`, which a trainer calls as
    often as it likes. The rest of the model trains as before, in training mode if it is put there.

    Example: after freeze_encoder(model), any number of training steps leaves all tensors of
        model.backbone.state_dict() as they were.
    """
    ### BEGIN SOLUTION
    encoder = model.backbone if hasattr(model, "backbone") else model.encoder
    encoder.requires_grad_(False)

    def stay_in_evaluation_mode(module, inputs):
        module.eval()

    encoder.register_forward_pre_hook(stay_in_evaluation_mode)  # whatever train() has said, this comes after it
    return model
    ### END SOLUTION


# %% role="check" id="frozen_encoder" points=6
check("frozen_encoder")


# %% role="stub" id="validate" task="2.3"
def validate(model: nn.Module, loader, metric) -> float:
    """The mean IoU of a model on all images of a loader, as a Python float.

    Arguments:
        model: maps images (B, 3, H, W) to logits (B, K, H, W), or to a dictionary with the logits as its "out".
        loader: yields (images, target) with target (B, H, W), on the CPU. The last batch may be smaller.
        metric: your `SegmentationMetric` for K classes. What it has counted before plays no part.

    The model predicts in evaluation mode, without gradients and on the device where it lies (`device_of(model)`).
    Afterwards it is in the mode, training or evaluation, in which it came.
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    metric.reset()
    with torch.no_grad():
        for images, target in loader:
            logits = model(images.to(device_of(model)))
            if isinstance(logits, dict):
                logits = logits["out"]
            metric.update(logits.argmax(dim=1).cpu(), target.cpu())
    model.train(was_training)
    return float(metric.mean_iou())
    ### END SOLUTION


# %% role="check" id="validation" points=3
check("validation")
