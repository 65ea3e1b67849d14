"""heapq.nsmallest, NaN as two."""

import heapq


def worst_images(model, dataset, count=5):
    was_training = model.training
    model.eval()
    scores = []
    with torch.no_grad():
        for i in range(len(dataset)):
            image, target = dataset[i]
            prediction = model(image[None].to(device_of(model))).argmax(dim=1)[0].cpu()
            score = mean_iou(confusion_matrix(prediction, target)).item()
            scores.append(score if score == score else 2.0)
    model.train(was_training)
    return heapq.nsmallest(count, range(len(scores)), key=scores.__getitem__)
