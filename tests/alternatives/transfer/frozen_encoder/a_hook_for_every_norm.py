"""Every normalisation layer puts itself into evaluation mode before it is used."""


def before(norm, inputs):
    norm.training = False


def freeze_encoder(model):
    encoder = model.backbone if "backbone" in dict(model.named_children()) else model.encoder
    for module in encoder.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.register_forward_pre_hook(before)
    for parameter in encoder.parameters():
        parameter.requires_grad_(False)
    return model
