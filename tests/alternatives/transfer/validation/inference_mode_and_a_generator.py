"""Inference mode, the answers as a generator, the mode restored whatever happens."""


def predictions(model, loader):
    for images, target in loader:
        answer = model(images.to(device_of(model)))
        yield (answer["out"] if hasattr(answer, "keys") else answer).max(dim=1).indices, target


@torch.inference_mode()
def validate(model, loader, metric):
    mode = model.training
    metric.reset()
    try:
        for prediction, target in predictions(model.train(False), loader):
            metric.update(prediction.cpu(), target)
    finally:
        model.train(mode)
    return float(metric.mean_iou())
