"""torch.lerp from grey to the picture, and beyond it."""


def photometric(image, brightness, contrast, saturation):
    def step(start, end, weight):
        return torch.lerp(start.expand_as(end), end, weight).clip(0.0, 1.0)

    image = step(torch.zeros(()), image, brightness)
    image = step(grey_of(image).mean(), image, contrast)
    return step(grey_of(image), image, saturation)
