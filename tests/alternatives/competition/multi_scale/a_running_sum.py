"""A running sum; both orientations in one batch, told apart afterwards."""


@torch.no_grad()
def multi_scale(model, images, scales=(0.75, 1.0, 1.25), flip=True, multiple=32):
    mode = model.training
    model.train(False)
    height, width = images.shape[2:]
    total, number = 0.0, 0
    for scale in scales:
        tall = max(int(scale * height / multiple + 0.5), 1) * multiple
        wide = max(int(scale * width / multiple + 0.5), 1) * multiple
        look = nn.functional.interpolate(images, size=(tall, wide), mode="bilinear")
        batch = torch.cat([look, torch.flip(look, dims=[3])]) if flip else look
        logits = nn.functional.interpolate(model(batch), size=(height, width), mode="bilinear")
        probabilities = torch.softmax(logits, dim=1)
        if flip:
            straight, mirrored = probabilities.chunk(2)
            probabilities = straight + mirrored.flip(dims=(3,))
        total = total + probabilities
        number += 2 if flip else 1
    model.train(mode)
    return total / number
