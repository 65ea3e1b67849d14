"""topk, with gradients switched off and on again by hand."""


def predict_full_resolution(model, image, input_size=(256, 256)):
    mode = model.training
    model.train(False)
    enabled = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    logits = model(torch.unsqueeze(prepare_image(image, input_size), 0).to(device_of(model)))
    upsampled = F.interpolate(logits.float(), size=image.size()[1:], mode="bilinear", align_corners=False)
    torch.set_grad_enabled(enabled)
    model.train(mode)
    return upsampled.topk(1, dim=1).indices[0, 0].detach().cpu().long()
