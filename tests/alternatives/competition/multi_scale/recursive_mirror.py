"""The mirror image is the same question once more."""


def multi_scale(model, images, scales=(0.75, 1.0, 1.25), flip=True, multiple=32):
    if flip:
        straight = multi_scale(model, images, scales, False, multiple)
        back = multi_scale(model, images.flip(3), scales, False, multiple)
        return 0.5 * straight + 0.5 * back.flip(3)
    before, gradients = model.training, torch.is_grad_enabled()
    model.eval()
    torch.set_grad_enabled(False)
    answer = None
    for scale in list(scales):
        target = [int(max(1, torch.tensor(scale * side / multiple).round())) * multiple for side in images.shape[2:]]
        look = images if list(images.shape[2:]) == target else F.interpolate(images, size=target, mode="bilinear")
        scores = F.interpolate(model(look), size=images.shape[2:], mode="bilinear")
        scores = torch.exp(scores - torch.logsumexp(scores, dim=1, keepdim=True)) / len(scales)
        answer = scores if answer is None else answer + scores
    torch.set_grad_enabled(gradients)
    model.train(before)
    return answer
