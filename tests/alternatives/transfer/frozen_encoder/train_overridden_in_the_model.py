"""The model's train() puts the encoder back into evaluation mode, whatever it has done before."""


def freeze_encoder(model):
    encoder = next(part for name, part in model.named_children() if name in ("backbone", "encoder"))
    encoder.requires_grad_(False)
    usual = model.train

    def train(mode=True):
        usual(mode)
        encoder.eval()
        return model

    model.train = train
    return model.train(model.training)
