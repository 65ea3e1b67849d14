"""Inference mode, nn.Upsample, probabilities' order."""


def predict_full_resolution(model, image, input_size=(256, 256)):
    mode, (height, width) = model.training, (image.shape[1], image.shape[2])
    try:
        model.eval()
        with torch.inference_mode():
            logits = model(prepare_image(image, input_size).unsqueeze(0).to(device_of(model)))
            logits = nn.Upsample((height, width), mode="bilinear", align_corners=False)(logits)
            return logits.log_softmax(1).max(dim=1).indices.squeeze(0).cpu()
    finally:
        model.train(mode)
