"""torchvision's resize of the logits, without antialiasing."""

from torchvision.transforms import v2


def predict_full_resolution(model, image, input_size=(256, 256)):
    training = model.training
    model.eval()
    with torch.no_grad():
        batch = prepare_image(image, input_size).unsqueeze(0).to(device_of(model))
        logits = model(batch)[0]
    if training:
        model.train()
    height, width = image.shape[1:]
    logits = v2.functional.resize(logits, [height, width], v2.InterpolationMode.BILINEAR, antialias=False)
    return logits.argmax(dim=0).cpu()
