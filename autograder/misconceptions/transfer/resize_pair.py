"""Misconceptions about one size for an image and its mask (task 1.3)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

resize = partial(Misconception, "resize_pair")
pair = partial(edits, "resize_pair")

TO_FLOAT = "image = v2.functional.to_dtype(image, torch.float32, scale=True)"
RESIZE_IMAGE = "v2.functional.resize(image, size, v2.InterpolationMode.BILINEAR, antialias=True)"
RESIZE_MASK = "v2.functional.resize(mask[None], size, v2.InterpolationMode.NEAREST)[0]"
NORMALIZE = "v2.functional.normalize(image, IMAGENET_MEAN, IMAGENET_STD)"

MISCONCEPTIONS = (
    resize(
        "not antialiased",
        symptom="The image is shrunk by looking at two pixels a side, without antialiasing, so that fine structures "
        "become noise.",
        hint="A pixel of the small image covers many of the large one. How many of them have a say in your result?",
        changes=pair("antialias=True", "antialias=False"),
        fails="noise",
        public=False,
    ),
    resize(
        "the image is resized to nearest",
        symptom="The image is resized by picking single pixels, where neighbouring colours should be mixed.",
        hint="A bright hair is one pixel wide. What becomes of it if only every second pixel is looked at?",
        changes=pair("Mode.BILINEAR", "Mode.NEAREST"),
        fails="image noise",
        also="default_size",
    ),
    resize(
        "the image is resized bicubically",
        symptom="The image is resized with a curve through four pixels a side, so that edges overshoot.",
        hint="Enlarge a row that is 0, 0, 255, 255. May any of the new pixels lie below 0 or above 255?",
        changes=pair("Mode.BILINEAR", "Mode.BICUBIC"),
        fails="noise",
        public=False,
    ),
    resize(
        "labels averaged",
        symptom="The mask is shrunk by averaging its labels and rounding, which invents classes at every border.",
        hint="What is the average of a pet (0) and a border (2), and does any pixel there show it?",
        changes=pair(RESIZE_MASK, "v2.functional.resize(mask[None].float(), size)[0].round().to(mask.dtype)"),
        fails="regions nearest",
    ),
    resize(
        "nearest as Pillow does it",
        symptom="The mask takes the pixel nearest to the centre of each cell, not that of the rule in the text.",
        hint="For a mask of 6 columns that gets 4, work out by hand which columns the rule takes. Which ones do you "
        "take?",
        changes=pair("Mode.NEAREST)", "Mode.NEAREST_EXACT)"),
        fails="nearest",
    ),
    resize(
        "every n-th pixel, n a whole number",
        symptom="The mask takes pixels at a constant whole-number distance and stops before its end.",
        hint="A mask of 37 rows gets 8. From which row should the last one come, and from which does yours come?",
        changes=pair(
            RESIZE_MASK,
            "mask[:: max(1, mask.shape[0] // size[0]), :: max(1, mask.shape[1] // size[1])][: size[0], : size[1]]",
        ),
        fails="nearest",
    ),
    resize(
        "the mask keeps its size",
        symptom="The image is resized and the mask is not.",
        hint="Image and mask are to lie on each other, pixel by pixel. Which of your lines changes the mask?",
        changes=pair(RESIZE_MASK, "mask"),
        fails="regions nearest",
        also="default_size",
    ),
    resize(
        "the mask keeps an axis of channels",
        symptom="The labels are right, but the mask has the shape (1, h, w) instead of (h, w).",
        hint="An axis was put in front for a function that wants one. Does a map of labels have it when it comes back?",
        changes=pair(RESIZE_MASK, f"{RESIZE_MASK}[None]"),
        fails="regions",
        also="nearest default_size manners",
    ),
    resize(
        "labels divided by 255",
        symptom="The labels are scaled to 0..1 like colours, so that almost every pixel becomes 0.",
        hint="A colour of 128 is half of 255. What would half a label be?",
        changes=pair(RESIZE_MASK, f"({RESIZE_MASK} / 255).to(mask.dtype)"),
        fails="regions nearest",
        also="manners",
        perhaps="default_size",
    ),
    resize(
        "ignored becomes 0",
        symptom="Pixels that are marked as ignored (255) become 0.",
        hint="Nobody knows what is in these pixels. What would the network be taught about them?",
        changes=pair(RESIZE_MASK, f"torch.where(mask == 255, 0, mask)\n    mask = {RESIZE_MASK}"),
        fails="regions",
    ),
    resize(
        "the mask becomes int64",
        symptom="The labels are right, but a mask of uint8 comes back as int64.",
        hint="Thousands of masks are kept as bytes. How many times as much memory do they take afterwards?",
        changes=pair(RESIZE_MASK, f"{RESIZE_MASK}.long()"),
        fails="manners",
    ),
    resize(
        "the mask becomes float32",
        symptom="The labels are right, but they come as floats.",
        hint="Something was converted for the resizing and never converted back. Which dtype had the mask that came "
        "in?",
        changes=pair(RESIZE_MASK, f"{RESIZE_MASK}.float()"),
        fails="manners",
    ),
    resize(
        "the image is float64",
        symptom="The values of the image are right, but they are float64.",
        hint="Python's and NumPy's floats have 64 bits. What does a network with float32 weights say to such an image?",
        changes=pair(NORMALIZE, f"{NORMALIZE}.to(torch.float64)"),
        fails="manners",
    ),
    resize(
        "the mask is overwritten",
        symptom="The result is right, but ignored pixels of the mask that was passed in get another number.",
        hint="The same mask may be wanted again at another size. Which of your lines writes into a tensor that is not "
        "yours?",
        changes=pair(f"    mask = {RESIZE_MASK}", f"    small = {RESIZE_MASK}\n    mask += 1\n    mask = small"),
        fails="manners",
    ),
    resize(
        "not normalised",
        symptom="The image has values between 0 and 1; ImageNet's mean and standard deviation do not come in.",
        hint="Which value should a pixel of exactly average colour have in the network's input?",
        changes=pair(NORMALIZE, "image"),
        fails="normalisation",
    ),
    resize(
        "normalised before scaling to 0..1",
        symptom="The mean and deviation of ImageNet are applied to pixels of 0 to 255.",
        hint="ImageNet's mean of red is 0.485. On which scale of brightness is that about the middle?",
        changes=pair("scale=True", "scale=False"),
        fails="normalisation",
    ),
    resize(
        "divided by 255 twice",
        symptom="The pixels are divided by 255 twice, so that the whole image is nearly black before it is normalised.",
        hint="What is the largest value of the image just before the mean is subtracted? A conversion of the type may "
        "have scaled already.",
        changes=pair(TO_FLOAT, f"{TO_FLOAT} / 255"),
        fails="normalisation",
    ),
    resize(
        "the mean subtracted, but not divided",
        symptom="The mean of each colour is subtracted, but the standard deviation is not used.",
        hint="Normalised values should spread by about 1 around 0. By how much do yours spread?",
        changes=pair("IMAGENET_MEAN, IMAGENET_STD)", "IMAGENET_MEAN, (1.0, 1.0, 1.0))"),
        fails="normalisation",
    ),
    resize(
        "mean and deviation exchanged",
        symptom="The standard deviation is subtracted and the result is divided by the mean.",
        hint="Two lists of three numbers look alike. Which of them does a pixel of average colour equal?",
        changes=pair("IMAGENET_MEAN, IMAGENET_STD)", "IMAGENET_STD, IMAGENET_MEAN)"),
        fails="normalisation",
    ),
    resize(
        "mean and deviation of 0.5",
        symptom="All channels are normalised with 0.5 and 0.5, which takes the values to -1..1, not with ImageNet's "
        "numbers.",
        hint="Many tutorials do this. On which photographs were the statistics worked out that published weights "
        "expect?",
        changes=pair("IMAGENET_MEAN, IMAGENET_STD)", "(0.5, 0.5, 0.5), (0.5, 0.5, 0.5))"),
        fails="normalisation",
    ),
    resize(
        "the image's own mean and deviation",
        symptom="Every image is normalised with its own mean and standard deviation.",
        hint="Take a black cat and a white one. Can the network still tell which one was dark?",
        changes=pair(NORMALIZE, "(image - image.mean(dim=(1, 2), keepdim=True)) / image.std(dim=(1, 2), keepdim=True)"),
        fails="normalisation",
    ),
    resize(
        "cropped to keep the proportions",
        symptom="Image and mask are resized by one factor and cut at two sides, so that a part of the photograph is "
        "lost.",
        hint="What is at the left border of a wide photograph, and is it still there afterwards?",
        changes=pair(
            RESIZE_IMAGE,
            "v2.functional.center_crop(v2.functional.resize(image, max(size)), size)",
            RESIZE_MASK,
            "v2.functional.center_crop("
            "v2.functional.resize(mask[None], max(size), v2.InterpolationMode.NEAREST), size)[0]",
        ),
        fails="image regions",
        also="all but image regions",
    ),
    resize(
        "only the shorter side is set",
        symptom="Image and mask keep the proportions of the photograph: one of their sides is right and the other is "
        "not.",
        hint="A batch needs images of one size. What tells the resizing how long the second side has to be?",
        changes=pair("(image, size,", "(image, min(size),", "(mask[None], size,", "(mask[None], min(size),"),
        fails="image nearest",
        also="default_size",
        perhaps="noise",
    ),
    resize(
        "height and width exchanged",
        symptom="Image and mask have height and width exchanged.",
        hint="Try a size that is not a square. Which of the two numbers is the number of rows?",
        changes=pair("(image, size,", "(image, size[::-1],", "(mask[None], size,", "(mask[None], size[::-1],"),
        fails="image regions",
        also="all but image regions default_size",
    ),
    resize(
        "64 x 64, whatever is asked",
        symptom="Image and mask are always 64 x 64, whatever size is asked for.",
        hint="Somebody has time for 128 x 128. Which line decides the size?",
        changes=pair("(image, size,", "(image, (64, 64),", "(mask[None], size,", "(mask[None], (64, 64),"),
        fails="image regions",
        also="all but image regions default_size",
    ),
    resize(
        "256 x 256 if no size is given",
        symptom="Without a given size image and mask become 256 x 256, as in the first assignment, and not 64 x 64.",
        hint="Five runs have to fit into an evening. What does the signature promise?",
        changes=pair("size: tuple[int, int] = (64, 64)", "size: tuple[int, int] = (256, 256)"),
        fails="default_size",
    ),
    resize(
        "channels last",
        symptom="The image comes back as (height, width, 3) instead of (3, height, width).",
        hint="Libraries for pictures and libraries for networks order the axes differently. Where does a convolution "
        "look for the channels?",
        changes=pair(NORMALIZE, f"{NORMALIZE}.permute(1, 2, 0)"),
        fails="image",
        also="normalisation default_size manners noise",
    ),
)
