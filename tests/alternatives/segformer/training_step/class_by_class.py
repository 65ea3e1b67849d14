"""The loss summed class by class, a closure for the optimiser."""


def segmentation_loss(logits, target, ignore_index=255):
    log_probabilities = logits - logits.logsumexp(dim=1, keepdim=True)
    total, count = 0, 0
    for k in range(logits.shape[1]):
        pixels = target == k
        if ignore_index == k:
            continue
        total = total - log_probabilities[:, k][pixels].sum()
        count += int(pixels.sum())
    return total / max(count, 1)


def training_step(model, optimizer, images, target):
    model.train()

    def closure():
        optimizer.zero_grad()
        loss = segmentation_loss(model(images), target)
        loss.backward()
        return loss

    loss = optimizer.step(closure)
    return loss.item()
