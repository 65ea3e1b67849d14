"""The images that can be judged, sorted, then the others."""


def worst_images(model, dataset, count=5):
    mode = model.training
    model.eval()
    judged, unlabelled = [], []
    with torch.no_grad():
        for i in range(len(dataset)):
            image, target = dataset[i]
            prediction = model(image[None].to(device_of(model)))[0].argmax(dim=0).to(target.device)
            score = mean_iou(confusion_matrix(prediction, target))
            if torch.isnan(torch.as_tensor(score)):
                unlabelled.append(i)
            else:
                judged.append((i, float(score)))
    model.train(mode)
    judged.sort(key=lambda pair: pair[1])
    return ([i for i, _ in judged] + unlabelled)[:count]
