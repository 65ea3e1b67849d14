"""Unreduced losses, the mean of those with a label; gradients by torch.autograd.grad."""


def segmentation_loss(logits, target, ignore_index=255):
    losses = F.cross_entropy(logits, target, ignore_index=ignore_index, reduction="none")
    labelled = losses[target != ignore_index]
    return labelled.mean() if len(labelled) else losses.sum()  # without labels all losses are 0


def training_step(model, optimizer, images, target):
    model.train()
    loss = segmentation_loss(model(images), target)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(loss, parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()
    return loss.item()
