"""Gradients switched off and on by hand, images one by one."""


def validate(model, loader, metric):
    mode, gradients = model.training, torch.is_grad_enabled()
    model.eval()
    torch.set_grad_enabled(False)
    metric.reset()
    for images, targets in loader:
        for image, target in zip(images, targets, strict=True):
            logits = model(image[None].to(device_of(model)))
            if not isinstance(logits, torch.Tensor):
                logits = logits["out"]
            metric.update(logits.softmax(dim=1).argmax(dim=1).cpu(), target[None])
    torch.set_grad_enabled(gradients)
    model.train(mode)
    return float(metric.mean_iou())
