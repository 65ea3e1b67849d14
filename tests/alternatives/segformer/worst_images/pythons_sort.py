"""Python's sort, NaN as infinity."""

import math


def worst_images(model, dataset, count=5):
    mode = model.training
    model.eval()
    scored = []
    for index in range(len(dataset)):
        image, target = dataset[index]
        with torch.no_grad():
            labels = model(image.unsqueeze(0))[0].argmax(0)
        score = float(mean_iou(confusion_matrix(labels, target)))
        scored.append((math.inf if math.isnan(score) else score, index))
    model.train(mode)
    return [index for _, index in sorted(scored)[:count]]
