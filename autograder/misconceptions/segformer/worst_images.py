"""Misconceptions about the images on which a model does worst (task 4.3)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import Code, edits

worst = partial(Misconception, "worst_images")
images = partial(edits, "worst_images")

SCORE = "mean_iou(confusion_matrix(prediction.cpu(), target.cpu()))"
ORDER = "torch.stack(scores).nan_to_num(nan=torch.inf).argsort(stable=True)"

MISCONCEPTIONS = (
    worst(
        "the best first",
        symptom="The images with the highest scores come first.",
        hint="Is a mean IoU of 0.9 a good answer or a bad one, and where does it stand in your list?",
        changes=images("argsort(stable=True)", "argsort(stable=True, descending=True)"),
        fails="order",
        also="all but order",
    ),
    worst(
        "by the share of right pixels",
        symptom="The images are ordered by their share of right pixels, not by their mean IoU.",
        hint="One image is all background but for a small car, and the car is missed. Where does it stand in your "
        "list?",
        changes=images(SCORE, "(prediction.cpu() == target.cpu()).float().mean()"),
        fails="order",
        also="default_count sizes unlabelled evaluation_mode manners",
        perhaps="equal_scores",
    ),
    worst(
        "absent classes counted as 0",
        symptom="Classes that an image does not show count as 0, so that images with few classes come first.",
        hint="A photograph of a meadow is labelled perfectly. What is its score, and what should it be?",
        changes=images(
            SCORE,
            "(lambda n: n.diagonal() / (n.sum(dim=0) + n.sum(dim=1) - n.diagonal()))("
            "confusion_matrix(prediction.cpu(), target.cpu())).nan_to_num(0).mean()",
        ),
        alone=True,
        fails="unlabelled",
    ),
    worst(
        "one matrix for all images so far",
        symptom="The counts of earlier images stay in the matrix, so that a score is that of all images so far.",
        hint="The same image stands at the beginning and at the end of the data set. Should it have two scores?",
        changes=images(
            f"            scores.append({SCORE})",
            "            counts = confusion_matrix(prediction.cpu(), target.cpu()) + (counts if i else 0)\n"
            "            scores.append(mean_iou(counts))",
        ),
        fails="order equal_scores",
        also="default_count unlabelled evaluation_mode manners",
        perhaps="sizes",
    ),
    worst(
        "scores instead of indices",
        symptom="The lowest scores come back, not the numbers of the images that have them.",
        hint="The next cell shows the images that your function names. What does it need to find them in the data set?",
        changes=images("worst_first[:count]", "torch.stack(scores).sort().values[:count]"),
        fails="order",
        also="all but order",
    ),
    worst(
        "counted from 1",
        symptom="The images are numbered from 1, so that every index is one too large.",
        hint="Ask the data set for the index that your list begins with. Which image do you get?",
        changes=images("worst_first[:count]", "(1 + worst_first)[:count]"),
        fails="order",
        also="all but order",
    ),
    worst(
        "all of them",
        symptom="All images come back in their order, whatever number of them is asked for.",
        hint="How many indices are asked for, and how many are in your list?",
        changes=images("worst_first[:count]", "worst_first"),
        fails="order default_count",
        also="sizes evaluation_mode manners",
    ),
    worst(
        "five, whatever is asked",
        symptom="Five images come back, whatever number of them is asked for.",
        hint="Somebody wants to see the three worst. What in your function would have to know that?",
        changes=images("[:count]", "[:5]"),
        fails="order",
        also="sizes unlabelled equal_scores evaluation_mode",
    ),
    worst(
        "unlabelled images are the worst",
        symptom="Images without a labelled pixel come first, as if their score were 0.",
        hint="What has the model done wrong in an image of which nobody knows what it shows?",
        changes=images("nan=torch.inf", "nan=0.0"),
        fails="unlabelled",
    ),
    worst(
        "unlabelled images left out",
        symptom="Images without a labelled pixel are missing from the list, even if all images are asked for.",
        hint="Ask for as many images as the data set has. How many come back, and which one is missing?",
        changes=images("worst_first[:count]", "worst_first[torch.stack(scores)[worst_first].isfinite()][:count]"),
        fails="unlabelled",
    ),
    worst(
        "sorted, NaN and all",
        symptom="The scores are sorted with NaN among them, which leaves the others in the wrong order as well.",
        hint="Every comparison with NaN is false. Which place should an image without a score get before the sorting "
        "begins?",
        changes=images(ORDER, "torch.tensor(sorted(range(len(scores)), key=lambda i: scores[i]))"),
        fails="unlabelled",
    ),
    worst(
        "later ones first among equals",
        symptom="Of two images with the same score the later one comes first.",
        hint="Sort the scores 0.2, 0.5 and 0.2 by hand. Which index should the list begin with, and does your way of "
        "sorting keep the order of equals?",
        changes=images(".argsort(stable=True)", ".flip(0).argsort(stable=True).mul(-1).add(len(scores) - 1)"),
        fails="equal_scores",
        alone=True,
        public=False,
    ),
    worst(
        "images in batches, which must have one size",
        symptom="The images are put into batches, which raises an error as soon as two of them differ in size.",
        hint="The photographs of a data set need not have one size. How many of them does a score look at?",
        changes=(
            Code(
                "04_results",
                """
def worst_images(model, dataset, count=5):
    from torch.utils.data import DataLoader

    was_training, scores = model.training, []
    model.eval()
    with torch.no_grad():
        for images, targets in DataLoader(dataset, batch_size=4):
            pairs = zip(model(images).argmax(dim=1), targets)
            scores += [mean_iou(confusion_matrix(*pair)) for pair in pairs]
    model.train(was_training)
    return torch.stack(scores).nan_to_num(torch.inf).argsort(stable=True)[:count].tolist()
""",
            ),
        ),
        fails="sizes",
        public=False,
    ),
    worst(
        "an image without a batch",
        symptom="The model is given a single image, without the axis that counts the images of a batch.",
        hint="How many axes does the model's input have, and how many has an image of the data set?",
        changes=images("image[None]", "image", "argmax(dim=1)[0]", "argmax(dim=0)"),
        fails="order",
        also="all but order",
    ),
    worst(
        "no eval()",
        symptom="The model predicts in training mode if it comes in training mode.",
        hint="A model with Dropout is asked in training mode. Would the list be the same tomorrow?",
        changes=images("    model.eval()\n", ""),
        fails="evaluation_mode",
    ),
    worst(
        "left in evaluation mode",
        symptom="A model that comes in training mode is in evaluation mode afterwards.",
        hint="The function only looks at the model. What has changed about it when it comes back?",
        changes=images("    model.train(was_training)\n", ""),
        fails="manners",
    ),
    worst(
        "left in training mode",
        symptom="The model is in training mode afterwards, even if it came in evaluation mode.",
        hint="The next cell predicts with the same model. In which mode does it find it?",
        changes=images("model.train(was_training)", "model.train()"),
        fails="manners",
    ),
    worst(
        "with gradients",
        symptom="The model predicts with a graph for gradients, which costs memory and is never used.",
        hint="Hundreds of images pass through the model and none of them is learned from. What is kept of each of "
        "them?",
        changes=images("with torch.no_grad():", "with torch.enable_grad():"),
        fails="manners",
    ),
)
