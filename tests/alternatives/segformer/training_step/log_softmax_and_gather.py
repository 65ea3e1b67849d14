"""log_softmax and gather, with a class of 0 put in where there is no label."""


def segmentation_loss(logits, target, ignore_index=255):
    valid = target != ignore_index
    safe_target = target.masked_fill(~valid, 0)
    log_p = torch.log_softmax(logits, dim=1).gather(1, safe_target.unsqueeze(1)).squeeze(1)
    return -(log_p * valid).sum() / valid.sum().clamp(min=1)


def training_step(model, optimizer, images, target):
    optimizer.zero_grad(set_to_none=True)
    model.train()
    logits = model(images)
    loss = segmentation_loss(logits, target)
    value = loss.detach().cpu().item()
    loss.backward()
    optimizer.step()
    return value
