"""Class by class, with a running maximum."""


def predict_full_resolution(model, image, input_size=(256, 256)):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        logits = model(prepare_image(image, input_size)[None, ...].to(device_of(model)))
        height, width = image.shape[1], image.shape[2]
        labels = torch.zeros(height, width, dtype=torch.int64)
        best = torch.full((height, width), float("-inf"))
        for k in range(logits.shape[1]):
            scores = F.interpolate(logits[:, k : k + 1], (height, width), mode="bilinear")[0, 0].cpu()
            labels[scores > best] = k
            best = torch.maximum(best, scores)
    model.train(was_training)
    return labels
