"""A fresh nn.BatchNorm2d without parameters in every call."""


def normalize_channels(images, eps=1e-5):
    norm = nn.BatchNorm2d(images.shape[1], eps=eps, affine=False, track_running_stats=False)
    return norm(images)
