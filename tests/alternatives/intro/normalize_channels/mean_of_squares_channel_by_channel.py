"""Mean of squares, channel by channel."""


def normalize_channels(images, eps=1e-5):
    channels = []
    for channel in images.unbind(1):
        centred = channel - channel.mean()
        channels.append(centred / (centred.square().mean() + eps) ** 0.5)
    return torch.stack(channels, dim=1)
