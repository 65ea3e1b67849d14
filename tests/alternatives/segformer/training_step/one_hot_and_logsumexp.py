"""One-hot targets, and the logarithm of the sum of exponentials."""


def segmentation_loss(logits, target, ignore_index=255):
    num_classes = logits.shape[1]
    known = (target != ignore_index).to(logits.dtype)
    one_hot = F.one_hot(torch.where(target == ignore_index, 0, target), num_classes).movedim(-1, 1)
    true_logits = (logits * one_hot).sum(dim=1)
    per_pixel = torch.logsumexp(logits, dim=1) - true_logits
    count = known.sum()
    if count == 0:
        return (per_pixel * known).sum()
    return (per_pixel * known).sum() / count


def training_step(model, optimizer, images, target):
    if not model.training:
        model.train()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
    with torch.enable_grad():
        loss = segmentation_loss(model(images), target)
        loss.backward()
    optimizer.step()
    return loss.item()
