"""Misconceptions about multi-scale testing (task 3.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

multi = partial(Misconception, "multi_scale")
change = partial(edits, "multi_scale")

ENLARGED = '                logits = F.interpolate(logits, size, mode="bilinear", align_corners=False)\n'
SOFTMAX = "                looks.append(logits.softmax(dim=1))\n"
RESIZED = 'F.interpolate(images, sides, mode="bilinear", align_corners=False)'
SIDES = "[max(multiple, multiple * round(scale * side / multiple)) for side in size]"
MEAN = "return torch.stack(looks).mean(dim=0)"

MISCONCEPTIONS = (
    multi(
        "logits are averaged",
        symptom="The logits of all looks are averaged, and the softmax comes last.",
        hint="One look is quite sure and wrong. How much do its logits weigh, and how much its probabilities?",
        changes=change(SOFTMAX, "                looks.append(logits)\n", MEAN, MEAN + ".softmax(dim=1)"),
        fails="several_sizes mirrored",
        also="smallest defaults several_images",
    ),
    multi(
        "probabilities are resized",
        symptom="The softmax is taken of the small map, and probabilities are enlarged.",
        hint="In the equation, does the resizing stand inside the softmax or outside?",
        changes=change(
            ENLARGED + SOFTMAX,
            "                probabilities = F.interpolate(\n"
            '                    logits.softmax(dim=1), size, mode="bilinear", align_corners=False\n'
            "                )\n"
            "                looks.append(probabilities)\n",
        ),
        fails="one_size",
        also="several_sizes mirrored smallest odd_sides defaults several_images evaluation_mode manners",
    ),
    multi(
        "logits come back",
        symptom="Mean logits come back, without a softmax.",
        hint="What do the numbers of a pixel add up to in your answer, and what should they?",
        changes=change(SOFTMAX, "                looks.append(logits)\n"),
        fails="one_size several_sizes mirrored",
        also="smallest odd_sides defaults several_images evaluation_mode manners",
    ),
    multi(
        "a vote of labels",
        symptom="Each look votes for one class, and what comes back is the share of votes.",
        hint="A look is undecided between two classes. What of that is left when it has voted?",
        changes=change(
            SOFTMAX,
            "                votes = F.one_hot(logits.argmax(dim=1), logits.shape[1])\n"
            "                looks.append(votes.movedim(-1, 1).to(images.dtype))\n",
        ),
        fails="one_size several_sizes mirrored",
        also="smallest odd_sides defaults several_images evaluation_mode manners",
    ),
    multi(
        "the highest look wins",
        symptom="Of all looks the largest probability is taken at each pixel, not the mean.",
        hint="Do the probabilities of a pixel still add up to one in your answer?",
        changes=change(MEAN, "return torch.stack(looks).amax(dim=0)"),
        fails="several_sizes mirrored",
        also="smallest defaults several_images",
    ),
    multi(
        "a sum",
        symptom="The probabilities of all looks are added up and not divided by their number.",
        hint="With six looks, what do the numbers of one pixel add up to?",
        changes=change(MEAN, "return torch.stack(looks).sum(dim=0)"),
        fails="several_sizes mirrored",
        also="smallest defaults several_images",
    ),
    multi(
        "divided by the number of scales",
        symptom="The sum is divided by the number of scales, also where there are twice as many looks.",
        hint="How many answers have you collected when flip is on, and by what do you divide?",
        changes=change(MEAN, "return torch.stack(looks).sum(dim=0) / len(scales)"),
        fails="mirrored",
        also="defaults several_images",
    ),
    multi(
        "softmax over the columns",
        symptom="The softmax runs along the width of the map, not over the classes.",
        hint="Logits are (B, K, H, W). Along which axis should the probabilities add up to one?",
        changes=change("softmax(dim=1)", "softmax(dim=-1)"),
        fails="one_size several_sizes mirrored",
        also="smallest odd_sides defaults several_images evaluation_mode manners",
    ),
    multi(
        "not mirrored back",
        symptom="The answer to the mirror image is averaged as it comes, not mirrored back.",
        hint="In the mirror image the left lamp post stands on the right. Where does its answer have to go?",
        changes=change("model(resized.flip(-1)).flip(-1)", "model(resized.flip(-1))"),
        fails="mirrored",
        also="defaults several_images",
    ),
    multi(
        "upside down",
        symptom="Images are turned upside down, not mirrored left to right.",
        hint="Which axis of (B, 3, H, W) runs from left to right? And would you drive on a road above the sky?",
        changes=change("model(resized.flip(-1)).flip(-1)", "model(resized.flip(-2)).flip(-2)"),
        fails="mirrored",
        also="defaults several_images",
    ),
    multi(
        "the flip is left out",
        symptom="The mirror images are never looked at.",
        hint="What does your function do differently when flip is True?",
        changes=change("            if flip:\n", "            if False:\n"),
        fails="mirrored",
        also="defaults several_images",
    ),
    multi(
        "always mirrored",
        symptom="Mirror images are looked at even where flip is False.",
        hint="Somebody asks for flip=False to save half of the time. What do they get from you?",
        changes=change("            if flip:\n", "            if True:\n"),
        fails="one_size several_sizes",
        also="smallest odd_sides evaluation_mode manners",
    ),
    multi(
        "mirror images alone",
        symptom="With flip, only mirror images are looked at.",
        hint="How many looks are there at two scales with flip: two or four?",
        changes=change(
            "answers.append(model(resized.flip(-1)).flip(-1))", "answers = [model(resized.flip(-1)).flip(-1)]"
        ),
        fails="mirrored",
        also="defaults several_images",
    ),
    multi(
        "sides are not rounded",
        symptom="The sides that the model is shown are whole pixels, but no multiples.",
        hint="An encoder halves a side five times. What happens to one that is no multiple of 32?",
        changes=change(SIDES, "[max(multiple, round(scale * side)) for side in size]"),
        fails="sides",
        also="several_sizes smallest odd_sides defaults several_images",
    ),
    multi(
        "sides are rounded down",
        symptom="Sides are rounded down to a multiple, where the nearest one is wanted.",
        hint="Take 6.9 times the multiple. Which whole number does yours make of it?",
        changes=change(SIDES, "[max(multiple, multiple * int(scale * side / multiple)) for side in size]"),
        fails="sides",
        also="several_sizes smallest odd_sides defaults several_images",
    ),
    multi(
        "sides are rounded up",
        symptom="Sides are rounded up to a multiple, where the nearest one is wanted.",
        hint="Take 6.1 times the multiple. Which whole number does yours make of it?",
        changes=change(SIDES, "[multiple * -int(-scale * side // multiple) for side in size]"),
        fails="sides",
        also="several_sizes smallest odd_sides defaults several_images",
    ),
    multi(
        "a side of nothing",
        symptom="A side that is less than half a multiple becomes 0, and the function fails.",
        hint="Somebody shows a small image at a scale of 0.3. To which multiple is its side rounded?",
        changes=change(
            "max(multiple, multiple * round(scale * side / multiple))", "multiple * round(scale * side / multiple)"
        ),
        fails="smallest",
    ),
    multi(
        "height and width exchanged",
        symptom="The model is shown heights that belong to widths, and the other way round.",
        hint="Show a wide image to your function. Is what the model sees still wide?",
        changes=change(SIDES, SIDES + "[::-1]"),
        fails="sides",
        also="one_size several_sizes mirrored smallest odd_sides defaults several_images evaluation_mode manners",
    ),
    multi(
        "another multiple if none is given",
        symptom="If no multiple is given, sides are multiples of 16.",
        hint="The signature says what holds if nothing is given. What does yours say?",
        changes=change("multiple: int = 32", "multiple: int = 16"),
        fails="defaults",
    ),
    multi(
        "other scales if none are given",
        symptom="If no scales are given, the smallest or the largest of them is another one.",
        hint="The signature says what holds if nothing is given. What does yours say?",
        changes=change("scales=(0.75, 1.0, 1.25)", "scales=(0.5, 1.0, 1.5)"),
        fails="defaults",
    ),
    multi(
        "nearest pixels",
        symptom="Images are made smaller and larger by taking the nearest pixel.",
        hint="What does interpolate do if nobody tells it a mode?",
        changes=change(RESIZED, "F.interpolate(images, sides)"),
        fails="several_sizes odd_sides",
        also="smallest defaults several_images",
    ),
    multi(
        "images with corners aligned",
        symptom="Images are resized with align_corners=True.",
        hint="Which pixels does align_corners=True put onto each other, and what does the docstring ask for?",
        changes=change(RESIZED, RESIZED.replace("False", "True")),
        fails="several_sizes odd_sides",
        also="smallest defaults several_images",
    ),
    multi(
        "logits with corners aligned",
        symptom="Logits are resized with align_corners=True.",
        hint="A logit stands for a square of 4 x 4 pixels. Where is its middle, at a corner of the image or inside?",
        changes=change(ENLARGED, ENLARGED.replace("False", "True")),
        fails="one_size several_sizes",
        also="mirrored smallest odd_sides defaults several_images evaluation_mode manners",
    ),
    multi(
        "smoothed while resizing",
        symptom="Images are smoothed when they are made smaller: antialias is on.",
        hint="The docstring names two settings of interpolate. Which of yours is neither of them?",
        changes=change(RESIZED, RESIZED.replace("align_corners=False", "align_corners=False, antialias=True")),
        fails="several_sizes",
        also="odd_sides smallest defaults several_images",
    ),
    multi(
        "as large as the last look",
        symptom="The answers are brought to the size of the image at scale 1, rounded, and not to that of the image.",
        hint="An image of 375 x 1242 pixels has a label for each of them. How many does your answer have?",
        changes=change(
            ENLARGED,
            "                full = [max(multiple, multiple * round(side / multiple)) for side in size]\n"
            + ENLARGED.replace("size,", "full,"),
        ),
        fails="odd_sides smallest",
    ),
    multi(
        "one answer for all images",
        symptom="The mean is taken over the images of the batch as well, so that all get the same probabilities.",
        hint="Two images come in. Over which of your axes may be averaged, and over which not?",
        changes=change(MEAN, "return torch.stack(looks).mean(dim=(0, 1)).expand(len(images), -1, -1, -1)"),
        fails="several_images",
    ),
    multi(
        "each look resizes the one before",
        symptom="Each scale is applied to what the scale before has left, not to the image.",
        hint="After the look at scale 0.75, which image does your loop resize for scale 1?",
        changes=change(
            SIDES,
            SIDES.replace("in size", "in images.shape[-2:]"),
            f"            resized = {RESIZED}\n",
            f"            images = resized = {RESIZED}\n",
        ),
        fails="several_sizes sides",
        also="smallest defaults several_images",
    ),
    multi(
        "no eval()",
        symptom="The model predicts in the mode in which it comes, which after a training is training mode.",
        hint="In which mode does BatchNorm use what it has learned, and not the batch?",
        changes=change("    model.eval()\n", ""),
        fails="evaluation_mode",
    ),
    multi(
        "left in evaluation mode",
        symptom="The model is left in evaluation mode, whatever mode it came in.",
        hint="A training goes on after a look at its pictures. In which mode?",
        changes=change("    model.train(was_training)\n", ""),
        fails="manners",
    ),
    multi(
        "put into training mode afterwards",
        symptom="The model is put into training mode afterwards, even if it came in evaluation mode.",
        hint="Somebody predicts one image after another with a finished model. What do they get from the second on?",
        changes=change("model.train(was_training)", "model.train()"),
        fails="manners",
    ),
    multi(
        "with gradients",
        symptom="Every look builds a graph for gradients that nobody asks for.",
        hint="Six looks at a large image, and no backward. What keeps the memory for it from being used?",
        changes=change("torch.no_grad()", "torch.enable_grad()"),
        fails="manners",
    ),
)
