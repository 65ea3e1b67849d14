"""The smallest score is taken out again and again."""

import math


def worst_images(model: nn.Module, dataset, count: int = 5) -> list[int]:
    training = model.training
    model.eval()
    left = {}
    for i in range(len(dataset)):
        image, target = dataset[i]
        with torch.inference_mode():
            logits = model(image.unsqueeze(0).to(device_of(model)))
        labels = logits.squeeze(0).max(dim=0).indices.cpu()
        iou = float(mean_iou(confusion_matrix(labels, target)))
        left[i] = math.inf if math.isnan(iou) else iou
    model.train(training)
    worst = []
    while left and len(worst) < count:
        index = min(left, key=left.get)
        worst.append(index)
        del left[index]
    return worst
