"""torchvision's FrozenBatchNorm2d in the place of every BatchNorm."""

from torchvision.ops import FrozenBatchNorm2d


def frozen_copy(norm):
    frozen = FrozenBatchNorm2d(norm.num_features, eps=norm.eps).to(norm.weight)
    frozen.load_state_dict(norm.state_dict())
    return frozen


def replace_norms(module):
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, frozen_copy(child))
        else:
            replace_norms(child)


def freeze_encoder(model):
    encoder = model.encoder if hasattr(model, "encoder") else model.backbone
    replace_norms(encoder)
    for parameter in encoder.parameters():
        parameter.requires_grad_(False)
    return model
