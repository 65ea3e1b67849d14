"""Misconceptions about images as rows of patches (task 1.1)."""

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import Code


def patches(name: str, answer: str, **texts) -> Misconception:
    """`image_to_patches` with another answer, in which `p` is the side of a patch."""
    lines = ["def image_to_patches(images, patch_size):", "p = patch_size", "B, C, H, W = images.shape"]
    change = Code("01_warmup", "\n    ".join([*lines, f"return {answer}"]))
    return Misconception("image_to_patches", name, changes=(change,), **texts)


def in_order(*axes: int) -> str:
    """The two-line answer with the six axes (batch, channel, grid row, row, grid column, column) in that order."""
    return f"images.reshape(B, C, H // p, p, W // p, p).permute{axes}.reshape(B, -1, C * p * p)"


MISCONCEPTIONS = (
    patches(
        "a plain reshape",
        "images.reshape(B, H // p * (W // p), C * p * p)",
        symptom="The numbers are taken as they lie in memory: a row of the result is a strip of pixels and not a "
        "square.",
        hint="What does the first row of `places.reshape(6, 4)` hold, and what should patch 0 hold?",
        fails="one_channel channels",
        also="extremes gradient manners",
    ),
    patches(
        "the colours of a pixel side by side",
        in_order(0, 2, 4, 3, 5, 1),
        symptom="In the vector of a patch the channels of a pixel stand side by side, where channel 0 should come "
        "first as a whole.",
        hint="How many numbers of channel 0 come before the first one of channel 1? Which of your axes runs fastest?",
        fails="channels",
        also="extremes gradient manners",
    ),
    patches(
        "patches column by column",
        in_order(0, 4, 2, 1, 3, 5),
        symptom="The patches are numbered column by column, where they should be numbered row by row.",
        hint="Which patch is number 1: the one to the right of patch 0, or the one below it?",
        fails="one_channel",
        also="channels extremes gradient manners",
    ),
    patches(
        "each patch mirrored at its diagonal",
        in_order(0, 2, 4, 1, 5, 3),
        symptom="Inside a patch the pixels are read column by column, where they should be read row by row.",
        hint="Patch 0 of the example reads 0, 1, 10, 11. Is your second number 1 or 10?",
        fails="one_channel",
        also="channels extremes gradient manners",
    ),
    patches(
        "the channel outside of the patch",
        in_order(0, 1, 2, 4, 3, 5),
        symptom="A row of the result holds numbers of one channel from several patches, and not all channels of one "
        "patch.",
        hint="The channel is part of a patch's vector. Does its axis stand after those that count the patches?",
        fails="channels",
        also="extremes gradient manners",
    ),
    patches(
        "height and width of the grid exchanged",
        "images.reshape(B, C, W // p, p, H // p, p).permute(0, 2, 4, 1, 3, 5).reshape(B, -1, C * p * p)",
        symptom="The image is split as if its height were its width: the number of rows and that of columns have "
        "changed places.",
        hint="Four rows and six columns of pixels, patches of 2: how many patches lie side by side? On a square "
        "nothing shows.",
        fails="one_channel",
        also="channels gradient manners",
    ),
    patches(
        "images taken for squares",
        "torch.stack([images[:, :, i : i + p, j : j + p].flatten(1) for i in range(0, H, p) "
        "for j in range(0, H, p)], dim=1)",
        symptom="As many patches are taken from a row as fit into the height, so only square images work.",
        hint="Which sides does an image of 4 x 6 pixels have in your computation, and where does the 6 come in?",
        fails="one_channel channels",
        also="extremes gradient manners",
    ),
    patches(
        "vectors in columns",
        "F.unfold(images, p, stride=p)",
        symptom="The vectors of the patches stand in columns, where each should be a row.",
        hint="What does the second axis of your result count: patches, or the numbers of one of them?",
        fails="one_channel",
        also="channels extremes gradient manners",
    ),
    patches(
        "overlapping patches",
        "F.unfold(images, p).transpose(1, 2)",
        symptom="There is a patch at every pixel, so that patches overlap.",
        hint="In how many patches is a pixel? How far is it from the corner of one patch to the corner of the next?",
        fails="one_channel",
        also="channels gradient manners",
    ),
    patches(
        "the last row and column of patches missing",
        "torch.stack([images[:, :, i : i + p, j : j + p].flatten(1) for i in range(0, H - p, p) "
        "for j in range(0, W - p, p)], dim=1)",
        symptom="The last row and the last column of patches are left out.",
        hint="Where does the last patch of a row begin, and does your range contain that number?",
        fails="one_channel extremes",
        also="channels gradient manners",
    ),
    patches(
        "the size of a patch taken for their number",
        "images.reshape(B, C, p, H // p, p, W // p).permute(0, 2, 4, 1, 3, 5).reshape(B, p * p, -1)",
        symptom="The image is cut into p patches along each side, and not into patches of p x p pixels.",
        hint="Does a larger p give you more patches, or fewer and larger ones?",
        fails="one_channel channels",
        also="extremes gradient manners",
    ),
    patches(
        "all images in one row",
        in_order(0, 2, 4, 1, 3, 5).replace("(B, -1,", "(-1,"),
        symptom="The patches of all images stand in one long row; the axis of the batch is lost.",
        hint="From your result alone, which patches belong to the second image? Compare the number of axes with the "
        "docstring.",
        fails="channels",
        also="one_channel extremes gradient manners",
    ),
    patches(
        "patches in front of the batch",
        in_order(2, 4, 0, 1, 3, 5).replace("(B, -1,", "(-1, B,"),
        symptom="The first axis of the result counts the patches and the second one the images.",
        hint="What is `result[0]` of your function: the first image, or the first patch of every image?",
        fails="channels",
        also="one_channel extremes gradient manners",
    ),
    patches(
        "patches left as small images",
        "images.reshape(B, C, H // p, p, W // p, p).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)",
        symptom="Every patch is still a small image with channels, rows and columns, and not one vector.",
        hint="Split, put in order, join: which axes have not been joined yet?",
        fails="one_channel",
        also="channels extremes gradient manners",
    ),
    patches(
        "the first image only",
        "F.unfold(images[:1], p, stride=p).transpose(1, 2)",
        symptom="Only the first image of the batch is cut into patches.",
        hint="Put in two images: how many come out?",
        fails="channels",
        also="one_channel extremes gradient manners",
    ),
    patches(
        "becomes floating point",
        "F.unfold(images.double(), p, stride=p).transpose(1, 2)",
        symptom="Whole numbers become floating point on the way.",
        hint="Which dtype do patches of bytes have in your result? Some function of yours wants another one than the "
        "image has.",
        fails="manners",
    ),
    patches(
        "cut off from the gradient",
        "F.unfold(images.detach().double(), p, stride=p).transpose(1, 2).to(images)",
        symptom="The patches are right, but no gradient flows back to the images.",
        hint="Cutting only moves numbers, so every pixel should learn from its patch. Where do you make a tensor that "
        "knows nothing of its history?",
        fails="gradient",
        public=False,
    ),
)
