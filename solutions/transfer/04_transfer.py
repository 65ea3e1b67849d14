# %% [markdown]
# # 4 · Transfer
#
# Placeholder

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor, nn

from segkit import check, student_code


# %% role="stub" id="load_encoder" task="4.1"
def load_encoder(model: nn.Module, weights: dict[str, Tensor]) -> list[str]:
    """Copy the encoder's weights of a pre-trained model into `model`; return the names of what was copied.

    Arguments:
        model: has an `encoder`, whose parameters and statistics are called "encoder. ..." in `model.state_dict()`.
        weights: the `state_dict()` of a model with the same encoder, whatever its head is.

    All of the encoder is copied, running statistics included, into the parameters that the model has. Its head stays as
    it is, even where the other head has the same shapes. `weights` stays as it is too, also when the model is trained.

    Raises:
        ValueError: with the name of a weight, if the model's encoder has one that `weights` lacks or has in another
            shape, or if `weights` has one of an encoder that the model lacks. The model is then as it was.

    Example: load_encoder(PetSegFormer(3), PetSegFormer(19).state_dict()) -> ["encoder. ...", ...], no name of a head
    """
    ### BEGIN SOLUTION
    own = {name: tensor for name, tensor in model.state_dict().items() if name.startswith("encoder.")}
    given = {name: tensor for name, tensor in weights.items() if name.startswith("encoder.")}
    for name in sorted(own.keys() ^ given.keys()):
        raise ValueError(f"{name} is only in {'the model' if name in own else 'the weights'}: another encoder")
    for name, tensor in own.items():
        if given[name].shape != tensor.shape:
            raise ValueError(f"{name} has shape {tuple(given[name].shape)}, the model needs {tuple(tensor.shape)}")
    model.load_state_dict(given, strict=False)  # the head is missing, on purpose
    return list(own)
    ### END SOLUTION


# %% role="check" id="encoder_weights" points=7
check("encoder_weights")


# %% role="stub" id="build_optimizer" task="4.2"
def build_optimizer(model: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """The optimiser of the recipe, AdamW with amsgrad, for those parameters of the model that are trained.

    Arguments:
        model: parameters that take no gradient are frozen; the optimiser does not know of them.
        learning_rate: the same for all.

    Everything else is PyTorch's default. Which parameters take a gradient does not change.

    Example: build_optimizer(freeze_encoder(model), 1e-3) holds the parameters of the head, and nothing else.
    """
    ### BEGIN SOLUTION
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(trained, lr=learning_rate, amsgrad=True)
    ### END SOLUTION


# %% role="check" id="trainable_optimizer" points=7
check("trainable_optimizer")
