"""nn.CrossEntropyLoss, and a branch for the batch without labels."""


def segmentation_loss(logits, target, ignore_index=255):
    if (target == ignore_index).all():
        return 0 * logits.sum()
    criterion = nn.CrossEntropyLoss(ignore_index=ignore_index)
    return criterion(logits, target)


def training_step(model, optimizer, images, target):
    model.train()
    optimizer.zero_grad()
    outputs = model(images)
    loss = segmentation_loss(outputs, target)
    loss.backward()
    optimizer.step()
    return loss.item()
