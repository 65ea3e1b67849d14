"""Every BatchNorm becomes one of a class whose mode cannot be changed."""


class EvaluatingBatchNorm(nn.BatchNorm2d):
    def train(self, mode=True):
        return super().train(False)


def freeze_encoder(model):
    encoder = model.backbone if hasattr(model, "backbone") else model.encoder
    for module in encoder.modules():
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad = False
        if type(module) is nn.BatchNorm2d:
            module.__class__ = EvaluatingBatchNorm
            module.eval()
    return model
