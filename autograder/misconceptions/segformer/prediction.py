"""Misconceptions about predictions at the photograph's resolution (task 4.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

prediction = partial(Misconception, "prediction")
predict = partial(edits, "predict_full_resolution")

ENLARGED = 'F.interpolate(logits, size=image.shape[-2:], mode="bilinear", align_corners=False)'
PREPARED = "prepare_image(image, input_size)"

MISCONCEPTIONS = (
    prediction(
        "labels enlarged, not logits",
        symptom="A class is chosen for each cell of the coarse grid, and every pixel repeats the label of its cell.",
        hint="In the text one cell leads by 3 and its neighbour by 1. Where does the border between them lie, and "
        "where can it lie in your label map?",
        changes=predict(
            f"logits = {ENLARGED}",
            "logits = F.one_hot(logits.argmax(dim=1), logits.shape[1]).permute(0, 3, 1, 2).float()\n"
            "    logits = F.interpolate(logits, size=image.shape[-2:])",
        ),
        fails="labels",
        also="upright",
    ),
    prediction(
        "labels enlarged smoothly",
        symptom="Labels are interpolated like colours and rounded, so that other classes appear between two regions.",
        hint="Which class lies half-way between background (0) and a vehicle (3), and has the model ever answered it "
        "there?",
        changes=predict(
            f"logits = {ENLARGED}\n    return logits[0].argmax(dim=0)",
            "labels = logits.argmax(dim=1, keepdim=True).float()\n"
            "    return F.interpolate(labels, size=image.shape[-2:], mode='bilinear')[0, 0].round().long()",
        ),
        fails="labels upright",
    ),
    prediction(
        "corners aligned",
        symptom="The logits are stretched so that the centres of the corner cells fall onto the corner pixels.",
        hint="Where does pixel 4 of 8 lie between the centres of two cells? The text works it out; which place do you "
        "get?",
        changes=predict("align_corners=False", "align_corners=True"),
        fails="labels",
        also="upright",
    ),
    prediction(
        "softmax before enlarging",
        symptom="Probabilities are enlarged in the place of logits, which moves the borders between classes.",
        hint="A lead of 3 and a lead of 1: how far apart are they as probabilities? The border lies where the "
        "interpolated lead changes its sign.",
        changes=predict("F.interpolate(logits,", "F.interpolate(logits.softmax(dim=1),"),
        fails="labels",
        also="upright",
    ),
    prediction(
        "enlarged in two steps",
        symptom="The logits are enlarged to the size of the model's input first and to that of the photograph "
        "afterwards.",
        hint="Each interpolation mixes neighbours once more. How many of them stand between the model's answer and a "
        "pixel?",
        changes=predict(
            "F.interpolate(logits,", "F.interpolate(F.interpolate(logits, size=input_size, mode='bilinear'),"
        ),
        fails="labels",
        also="upright evaluation_mode manners",
        public=False,
    ),
    prediction(
        "at the model's size",
        symptom="The label map has the size of the model's input, not that of the photograph.",
        hint="Lay the result over the photograph. Which label belongs to the pixel in its lower right corner?",
        changes=predict("size=image.shape[-2:]", "size=input_size"),
        fails="labels upright",
        also="evaluation_mode manners",
    ),
    prediction(
        "height and width exchanged",
        symptom="The label map is as high as the photograph is wide, and as wide as it is high.",
        hint="Print the shapes of photograph and result for one that is not a square. Which of the last two axes "
        "counts rows?",
        changes=predict("image.shape[-2:]", "image.shape[:-3:-1]"),
        fails="labels upright",
        also="evaluation_mode manners",
    ),
    prediction(
        "a batch of one label map",
        symptom="The labels are right, but they come as a batch (1, H, W).",
        hint="One photograph goes in. What did you add for the model's sake, and is it still there at the end?",
        changes=predict("logits[0].argmax(dim=0)", "logits.argmax(dim=1)"),
        fails="labels",
        also="upright evaluation_mode manners",
    ),
    prediction(
        "argmax over the rows",
        symptom="The largest logit is looked for along a column of the picture, not among the classes.",
        hint="After the choice one axis is gone. Which one should it be, and at which place does it stand once the "
        "batch has been taken away?",
        changes=predict("logits[0].argmax(dim=0)", "logits[0].argmax(dim=1)"),
        fails="labels upright",
        also="evaluation_mode manners",
    ),
    prediction(
        "an image without a batch",
        symptom="The model is given a single image, without the axis that counts the images of a batch.",
        hint="How many axes does the model's input have in notebook 3, and what does the first one count?",
        changes=predict("input_size)[None]", "input_size)"),
        fails="labels input default_input_size",
        also="upright evaluation_mode manners",
    ),
    prediction(
        "input_size not passed on",
        symptom="The model always sees 256 x 256, whatever input size is asked for.",
        hint="The settings of a training on a CPU have smaller images. Where does your function use the size that it "
        "is given?",
        changes=predict(PREPARED, "prepare_image(image)"),
        fails="input",
    ),
    prediction(
        "width before height",
        symptom="The model sees an image whose height and width are exchanged.",
        hint="Ask for an input that is twice as wide as it is high. What does the model get?",
        changes=predict(PREPARED, "prepare_image(image, input_size[::-1])"),
        fails="input",
    ),
    prediction(
        "the photograph at its own size",
        symptom="The model sees the photograph at full size, not at the size that it was trained with.",
        hint="How large do people look in a training image, and how large in what your model gets?",
        changes=predict(PREPARED, "prepare_image(image, image.shape[-2:])"),
        fails="input default_input_size",
    ),
    prediction(
        "the image not normalised",
        symptom="The model sees values between 0 and 1 that are not normalised as the training images were.",
        hint="Which values does an average pixel have in training? Compare the mean of what the model sees.",
        changes=predict(
            f"{PREPARED}[None]", "F.interpolate(image[None] / 255, input_size, mode='bilinear', antialias=True)"
        ),
        fails="input default_input_size",
    ),
    prediction(
        "divided by 255 before it is prepared",
        symptom="The pixels are divided by 255 twice, so that the model sees a nearly black image.",
        hint="A photograph in uint8 is all that the preparation needs. What does it do with the numbers itself?",
        changes=predict(PREPARED, "prepare_image(image / 255, input_size)"),
        fails="input default_input_size",
    ),
    prediction(
        "no eval()",
        symptom="The model predicts in training mode if it comes in training mode.",
        hint="In training mode BatchNorm uses the batch at hand. What does it learn from a batch of one image?",
        changes=predict("    model.eval()\n", ""),
        fails="evaluation_mode",
    ),
    prediction(
        "left in evaluation mode",
        symptom="A model that comes in training mode is in evaluation mode afterwards.",
        hint="Somebody looks at a prediction between two epochs. In which mode does the training go on?",
        changes=predict("    model.train(was_training)\n", ""),
        fails="manners",
    ),
    prediction(
        "left in training mode",
        symptom="The model is in training mode afterwards, even if it came in evaluation mode.",
        hint="Somebody predicts ten photographs with a finished model. What must your function have noticed before it "
        "changed the mode?",
        changes=predict("model.train(was_training)", "model.train()"),
        fails="manners",
    ),
    prediction(
        "with gradients",
        symptom="The model predicts with a graph for gradients, which costs memory and is never used.",
        hint="A prediction is never differentiated. What does PyTorch keep of a forward, unless it is told not to?",
        changes=predict("with torch.no_grad():", "with torch.enable_grad():"),
        fails="manners",
    ),
    prediction(
        "labels are uint8",
        symptom="The labels are right, but they come as another type of number than int64.",
        hint="The label map goes into the confusion matrix next. Which type does the choice of a class give by itself?",
        changes=predict(".to(image.device)", ".to(torch.uint8)"),
        fails="manners",
    ),
)
