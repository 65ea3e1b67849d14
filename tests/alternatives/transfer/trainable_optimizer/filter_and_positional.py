"""A filter, and positional arguments."""


def build_optimizer(model, learning_rate):
    return torch.optim.AdamW(
        filter(lambda parameter: parameter.requires_grad, model.parameters()), learning_rate, amsgrad=True
    )
