"""By the mean of per_class_iou, as a tensor of indices."""


@torch.inference_mode()
def worst_images(model, dataset, count=5):
    mode = model.training
    model.eval()
    pairs = [dataset[index] for index in range(len(dataset))]
    matrices = [confusion_matrix(model(image[None]).argmax(1)[0], target) for image, target in pairs]
    model.train(mode)
    scores = torch.stack([per_class_iou(matrix).nanmean() for matrix in matrices])
    return torch.sort(scores, stable=True).indices[:count]
