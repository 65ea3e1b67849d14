"""Logarithms picked by hand, a tensor returned, gradients set to None."""


def segmentation_loss(logits, target, ignore_index=255):
    known = target != ignore_index
    if not known.any():
        return logits.sum() * 0
    chances = logits.log_softmax(dim=1).movedim(1, -1)[known]
    return -chances.gather(1, target[known][:, None]).mean()


def training_step(model, optimizer, images, target):
    for parameter in model.parameters():
        parameter.grad = None
    loss = segmentation_loss(model.train()(images), target)
    loss.backward()
    optimizer.step()
    return loss.detach()
