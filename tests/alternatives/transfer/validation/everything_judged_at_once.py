"""All predictions are kept and judged in one update."""


def validate(model, loader, metric):
    device, training = device_of(model), model.training
    model.eval()
    said, true = [], []
    with torch.no_grad():
        for images, target in loader:
            logits = model(images.to(device))
            logits = logits["out"] if isinstance(logits, dict) else logits
            said.append(logits.topk(1, dim=1).indices[:, 0].cpu())
            true.append(target)
    if training:
        model.train()
    metric.reset()
    metric.update(torch.cat(said), torch.cat(true))
    figure = metric.mean_iou()
    return figure.item() if isinstance(figure, torch.Tensor) else float(figure)
