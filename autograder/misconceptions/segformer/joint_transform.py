"""Misconceptions about the transform of image and labels together (task 1.2)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

joint = partial(Misconception, "joint_transform")
transform = partial(edits, "joint_transform")

FLIP = "image, mask = v2.RandomHorizontalFlip(flip_probability)(image, mask)"
RESIZE_IMAGE = "v2.functional.resize(image, image_size, v2.InterpolationMode.BILINEAR, antialias=True)"
RESIZE_MASK = "v2.functional.resize(mask, target_size, v2.InterpolationMode.NEAREST)"
NORMALIZE = "v2.functional.normalize(image, IMAGENET_MEAN, IMAGENET_STD)"
TO_FLOAT = "image = v2.functional.to_dtype(image, torch.float32, scale=True)"

MISCONCEPTIONS = (
    joint(
        "a coin for the image and another one for the mask",
        symptom="Image and target are flipped by two separate coins, so that half of the pairs do not match.",
        hint="A photograph is mirrored and its labels are not: what does the network learn from this pair? Count how "
        "often your code draws a random number.",
        changes=transform(
            FLIP, "flip = v2.RandomHorizontalFlip(flip_probability)\n    image, mask = flip(image), flip(mask)"
        ),
        fails="one_coin",
        random=True,
    ),
    joint(
        "only the image is flipped",
        symptom="The image is flipped, but the target stays as it was.",
        hint="Take a photograph with a car at the left and flip it. At which side does the target say that the car is?",
        changes=transform(FLIP, "image = v2.RandomHorizontalFlip(flip_probability)(image)"),
        fails="always_flipped one_coin",
    ),
    joint(
        "only the target is flipped",
        symptom="The target is flipped, but the image stays as it was.",
        hint="Look at both with a flip probability of 1. Does the mirrored image ever take the place of the first one?",
        changes=transform(FLIP, "mask = v2.RandomHorizontalFlip(flip_probability)(mask)"),
        fails="always_flipped one_coin",
    ),
    joint(
        "nothing is flipped",
        symptom="Neither image nor target is ever flipped.",
        hint="With a probability of 1, what should be at the right of the result, and what is there?",
        changes=transform(f"    {FLIP}\n", ""),
        fails="always_flipped one_coin",
    ),
    joint(
        "always flipped",
        symptom="Image and target are flipped every time, whatever the probability is.",
        hint="A validation image is prepared with the probability 0. Should its result depend on chance, or be "
        "mirrored?",
        changes=transform("Flip(flip_probability)", "Flip(1.0)"),
        fails="never_flipped one_coin",
    ),
    joint(
        "the coin the wrong way round",
        symptom="The probability is used as that of no flip: with 0 everything is flipped, with 1 nothing.",
        hint="A random number between 0 and 1 is compared with the probability. On which side must it lie if a "
        "probability of 0 means never?",
        changes=transform("Flip(flip_probability)", "Flip(1 - flip_probability)"),
        fails="always_flipped never_flipped",
        also="one_coin",
    ),
    joint(
        "the probability is ignored",
        symptom="Half of the pairs are flipped, whatever probability is asked for.",
        hint="Validation images must not be flipped at all. How can the caller of the function say so?",
        changes=transform("Flip(flip_probability)", "Flip(0.5)"),
        fails="always_flipped never_flipped",
        also="one_coin",
        random=True,
    ),
    joint(
        "flipped upside down",
        symptom="Image and target are flipped from top to bottom, not from left to right.",
        hint="The sky stays above after a horizontal flip. Which axis is reversed then, that of rows or that of "
        "columns?",
        changes=transform("RandomHorizontalFlip", "RandomVerticalFlip"),
        fails="always_flipped one_coin",
    ),
    joint(
        "the image upside down, the target mirrored",
        symptom="One coin decides for both, but the image is flipped from top to bottom and the target from left to "
        "right.",
        hint="An image has an axis of colours and a mask has none. Is axis 1 the same direction in both of them?",
        changes=transform(
            FLIP,
            "if torch.rand(()) < flip_probability:\n"
            "        image, mask = tv_tensors.Image(image.flip(1)), tv_tensors.Mask(mask.flip(1))",
        ),
        fails="always_flipped one_coin",
    ),
    joint(
        "nearest as Pillow does it",
        symptom="The target takes the pixel nearest to the centre of each cell, not that of the rule in the text.",
        hint="For a mask of 6 columns and a target of 4, work out by hand which columns the rule takes; which ones do "
        "you take?",
        changes=transform("Mode.NEAREST", "Mode.NEAREST_EXACT"),
        fails="nearest",
    ),
    joint(
        "every n-th pixel, n a whole number",
        symptom="The target takes pixels at a constant whole-number distance and stops before the end of the mask.",
        hint="A mask of 37 rows becomes a target of 8. From which row should the last target row come, and from which "
        "does yours come?",
        changes=transform(
            RESIZE_MASK,
            "mask[:: max(1, mask.shape[0] // target_size[0]), :: max(1, mask.shape[1] // target_size[1])]"
            "[: target_size[0], : target_size[1]]",
        ),
        fails="nearest",
    ),
    joint(
        "labels averaged",
        symptom="The mask is shrunk by averaging its labels and rounding, which invents classes at every border.",
        hint="What is the average of a plant (1) and a vehicle (3), and does any pixel there show it?",
        changes=transform(RESIZE_MASK, "v2.functional.resize(mask[None].float(), target_size)[0].round()"),
        fails="regions nearest",
    ),
    joint(
        "labels averaged, without antialiasing",
        symptom="Each label of the target is a rounded average of neighbouring labels, so that borders get classes of "
        "their own.",
        hint="Look at the border between labels 0 and 3. Which labels lie there in your target, and which in the mask?",
        changes=transform(
            RESIZE_MASK,
            "torch.nn.functional.interpolate(mask[None, None].float(), target_size, mode='bilinear')[0, 0].round()",
        ),
        fails="nearest",
    ),
    joint(
        "the mask is shrunk twice",
        symptom="The mask is resized to the size of the image first and to that of the target afterwards.",
        hint="Each resizing picks pixels and loses the others. From which mask does the rule of the text pick?",
        changes=transform(
            "    target =",
            "    mask = v2.functional.resize(mask, image_size, v2.InterpolationMode.NEAREST)\n    target =",
        ),
        fails="nearest",
    ),
    joint(
        "the target as large as the image",
        symptom="The target has the height and width of the image that the network gets, not its own.",
        hint="How many labels per side does the loss need, if the network answers at a quarter of its input's size?",
        changes=transform("(mask, target_size,", "(mask, image_size,"),
        fails="regions nearest",
        also="default_sizes",
    ),
    joint(
        "the target keeps an axis of channels",
        symptom="The labels are right, but the target has the shape (1, h, w) instead of (h, w).",
        hint="Some functions want an axis of channels. Does a map of class numbers have channels when it comes back?",
        changes=transform(RESIZE_MASK, f"{RESIZE_MASK}[None]"),
        fails="regions",
        also="nearest always_flipped never_flipped one_coin default_sizes manners",
    ),
    joint(
        "labels divided by 255",
        symptom="The labels are scaled to 0..1 like colours, so that almost every pixel becomes 0.",
        hint="A colour of 128 is half of 255. What would half a label be?",
        changes=transform(RESIZE_MASK, f"({RESIZE_MASK} / 255)"),
        fails="regions nearest",
        also="always_flipped never_flipped one_coin default_sizes manners",
    ),
    joint(
        "ignored becomes background",
        symptom="Pixels that are marked as ignored (255) become background in the target.",
        hint="Nobody knows what is in these pixels. What would the network be taught about them?",
        changes=transform("    target =", "    mask[mask == 255] = 0\n    target ="),
        fails="regions",
    ),
    joint(
        "the target stays uint8",
        symptom="The labels of the target are right, but they are not int64.",
        hint="Resizing keeps the type of number that masks are stored in. Which type does a loss want for class "
        "numbers?",
        changes=transform(".to(torch.int64)", ""),
        fails="manners",
    ),
    joint(
        "the image is float64",
        symptom="The values of the image are right, but they are float64.",
        hint="Python's and NumPy's floats have 64 bits. What does a network with float32 weights say to such an image?",
        changes=transform(NORMALIZE, f"{NORMALIZE}.to(torch.float64)"),
        fails="manners",
    ),
    joint(
        "not normalised",
        symptom="The image has values between 0 and 1; ImageNet's mean and standard deviation do not come in.",
        hint="Which value should a pixel of exactly average colour have in the network's input?",
        changes=transform(f"    image = {NORMALIZE}\n", ""),
        fails="normalisation",
    ),
    joint(
        "normalised before scaling to 0..1",
        symptom="The mean and deviation of ImageNet are applied to pixels of 0 to 255.",
        hint="ImageNet's mean of red is 0.485. On which scale of brightness is that about the middle?",
        changes=transform("scale=True", "scale=False"),
        fails="normalisation",
    ),
    joint(
        "divided by 255 twice",
        symptom="The pixels are divided by 255 twice, so that the whole image is nearly black before it is normalised.",
        hint="What is the largest value of the image just before the mean is subtracted? A conversion of the type may "
        "have scaled already.",
        changes=transform(TO_FLOAT, f"{TO_FLOAT} / 255"),
        fails="normalisation",
    ),
    joint(
        "the mean subtracted, but not divided",
        symptom="The mean of each colour is subtracted, but the standard deviation is not used.",
        hint="Normalised values should spread by about 1 around 0. By how much do yours spread?",
        changes=transform("IMAGENET_MEAN, IMAGENET_STD)", "IMAGENET_MEAN, (1.0, 1.0, 1.0))"),
        fails="normalisation",
    ),
    joint(
        "mean and deviation exchanged",
        symptom="The standard deviation is subtracted and the result is divided by the mean.",
        hint="Two lists of three numbers look alike. Which of them does a pixel of average colour equal?",
        changes=transform("IMAGENET_MEAN, IMAGENET_STD)", "IMAGENET_STD, IMAGENET_MEAN)"),
        fails="normalisation",
    ),
    joint(
        "red and blue exchanged",
        symptom="The red channel is normalised with the statistics of blue, and blue with those of red.",
        hint="Some libraries store blue first. In which order are the channels of this image, and in which ImageNet's "
        "numbers?",
        changes=transform("IMAGENET_MEAN, IMAGENET_STD)", "IMAGENET_MEAN[::-1], IMAGENET_STD[::-1])"),
        fails="normalisation",
    ),
    joint(
        "mean and deviation of 0.5",
        symptom="All channels are normalised with 0.5 and 0.5, which takes the values to -1..1, not with ImageNet's "
        "numbers.",
        hint="Many tutorials do this. On which photographs were the statistics worked out that published weights "
        "expect?",
        changes=transform("IMAGENET_MEAN, IMAGENET_STD)", "(0.5, 0.5, 0.5), (0.5, 0.5, 0.5))"),
        fails="normalisation",
    ),
    joint(
        "the image's own mean and deviation",
        symptom="Every image is normalised with its own mean and standard deviation.",
        hint="Take a photograph at night and the same scene at noon. Can the network still tell which one was dark?",
        changes=transform(
            NORMALIZE, "(image - image.mean(dim=(1, 2), keepdim=True)) / image.std(dim=(1, 2), keepdim=True)"
        ),
        fails="normalisation",
    ),
    joint(
        "the image is resized to nearest",
        symptom="The image is shrunk by picking single pixels, where neighbouring colours should be mixed.",
        hint="A bright wire is one pixel wide. What becomes of it if only every second pixel is looked at?",
        changes=transform("Mode.BILINEAR", "Mode.NEAREST"),
        fails="image noise",
        also="default_sizes",
    ),
    joint(
        "the image is resized bicubically",
        symptom="The image is enlarged with a curve through four pixels a side, so that edges overshoot.",
        hint="Enlarge a row that is 0, 0, 255, 255. May any of the new pixels lie below 0 or above 255 before it is "
        "cut off?",
        changes=transform("Mode.BILINEAR", "Mode.BICUBIC"),
        fails="noise",
        public=False,
    ),
    joint(
        "cropped to keep the proportions",
        symptom="Image and mask are resized by one factor and cut at two sides, so that a part of the photograph is "
        "lost.",
        hint="What is at the left border of a wide photograph, and is it still there afterwards?",
        changes=transform(
            RESIZE_IMAGE,
            "v2.functional.center_crop(v2.functional.resize(image, max(image_size)), image_size)",
            RESIZE_MASK,
            "v2.functional.center_crop("
            "v2.functional.resize(mask, max(target_size), v2.InterpolationMode.NEAREST), target_size)",
        ),
        fails="image regions",
        also="nearest default_sizes noise",
    ),
    joint(
        "the image is cropped to its size",
        symptom="The image is resized by one factor and cut at two sides; the target still shows all of the "
        "photograph.",
        hint="Image and target must show the same part of the scene. Does anything lie in the target that the image "
        "has lost?",
        changes=transform(
            RESIZE_IMAGE, "v2.functional.center_crop(v2.functional.resize(image, max(image_size)), image_size)"
        ),
        fails="image",
        also="default_sizes noise",
    ),
    joint(
        "only the shorter side is set",
        symptom="Image and target keep the proportions of the photograph: one of their sides is right and the other is "
        "not.",
        hint="A batch needs images of one size. What tells the resizing how long the second side has to be?",
        changes=transform(
            "(image, image_size,", "(image, min(image_size),", "(mask, target_size,", "(mask, min(target_size),"
        ),
        fails="image nearest",
        also="default_sizes noise",
    ),
    joint(
        "height and width exchanged",
        symptom="Image and target have height and width exchanged.",
        hint="Try a size that is not a square. Which of the two numbers is the number of rows, here and in the "
        "function that resizes?",
        changes=transform(
            "(image, image_size,", "(image, image_size[::-1],", "(mask, target_size,", "(mask, target_size[::-1],"
        ),
        fails="image regions",
        also="nearest noise",
    ),
    joint(
        "height and width of the image exchanged",
        symptom="The image has height and width exchanged; the target has not.",
        hint="Compare the shapes of image and target for a size that is not a square. Do they lie in the same "
        "direction?",
        changes=transform("(image, image_size,", "(image, image_size[::-1],"),
        fails="image",
        also="noise",
    ),
    joint(
        "the sizes that are asked for are ignored",
        symptom="Image and target are always 256 x 256 and 64 x 64, whatever sizes are asked for.",
        hint="Somebody wants to try 128 x 128 images on a small machine. Which lines decide the sizes?",
        changes=transform("(image, image_size,", "(image, (256, 256),", "(mask, target_size,", "(mask, (64, 64),"),
        fails="image regions",
        also="all but image regions default_sizes",
    ),
    joint(
        "512 x 512 if no size is given",
        symptom="Without a given size the image becomes 512 x 512, as in the paper, and not 256 x 256.",
        hint="Training in this course has to fit on small machines. What sizes does the signature promise?",
        changes=transform("image_size: tuple[int, int] = (256, 256)", "image_size: tuple[int, int] = (512, 512)"),
        fails="default_sizes",
        public=False,
    ),
    joint(
        "channels last",
        symptom="The image comes back as (height, width, 3) instead of (3, height, width).",
        hint="Libraries for pictures and libraries for networks order the axes differently. Where does a convolution "
        "look for the channels?",
        changes=transform(NORMALIZE, f"{NORMALIZE}.permute(1, 2, 0)"),
        fails="image",
        also="normalisation always_flipped never_flipped one_coin default_sizes manners noise",
    ),
)
