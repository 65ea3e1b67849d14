"""Misconceptions about channel-wise distillation (task 2.4)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import Edit, edits

distil = partial(Misconception, "distillation")
change = partial(edits, "channel_distillation")
STUDENT = "(student_logits / temperature).flatten(2).log_softmax(dim=2)"
TEACHER = "(teacher_logits.detach() / temperature).flatten(2).log_softmax(dim=2)"
DIVERGENCE = "(teacher.exp() * (teacher - student)).sum(dim=2)"
RESULT = "return temperature**2 * divergence.mean()"


def along(axis: int, *others: str) -> tuple[Edit, ...]:
    """A softmax along one axis of the maps, 2 or 3, and not over all of their pixels."""
    softmax = f"log_softmax(dim={axis}).flatten(2)"
    return change(
        STUDENT,
        f"(student_logits / temperature).{softmax}",
        TEACHER,
        f"(teacher_logits.detach() / temperature).{softmax}",
        *others,
    )


MISCONCEPTIONS = (
    distil(
        "softmax over the classes",
        symptom="The softmax runs over the classes of a pixel, as in ordinary distillation, and not over the pixels of "
        "a class.",
        hint="Each channel becomes a map of places. What should the numbers of one channel add up to?",
        changes=change(
            STUDENT,
            STUDENT.replace("dim=2", "dim=1"),
            TEACHER,
            TEACHER.replace("dim=2", "dim=1"),
            DIVERGENCE,
            DIVERGENCE.replace("dim=2", "dim=1"),
        ),
        fails="loss offsets",
        also="temperature sizes large_logits gradients manners",
    ),
    distil(
        "softmax along each row",
        symptom="The softmax runs over one of the two axes of the map, so that every row is a distribution of its own.",
        hint="Rows and columns are both places. Over how many numbers does your softmax run, and how many pixels are "
        "there?",
        changes=along(3),
        fails="loss",
        also="temperature sizes offsets large_logits gradients manners",
    ),
    distil(
        "softmax along each column",
        symptom="The softmax runs over one of the two axes of the map, so that every column is a distribution of its "
        "own.",
        hint="Rows and columns are both places. Over how many numbers does your softmax run, and how many pixels are "
        "there?",
        changes=along(2),
        fails="loss",
        also="temperature sizes offsets large_logits gradients manners",
    ),
    distil(
        "softmax along each row, and the mean of the rows",
        symptom="Every row of the map is a distribution of its own, and the divergence is the mean of the rows.",
        hint="A channel is one map of places. How many distributions does yours have, and by how many do you divide?",
        changes=along(3, DIVERGENCE, "(teacher.exp() * (teacher - student)).sum(dim=2) / student_logits.shape[2]"),
        fails="loss",
        also="temperature sizes offsets large_logits gradients manners",
    ),
    distil(
        "softmax along each column, and the mean of the columns",
        symptom="Every column of the map is a distribution of its own, and the divergence is the mean of the columns.",
        hint="A channel is one map of places. How many distributions does yours have, and by how many do you divide?",
        changes=along(2, DIVERGENCE, "(teacher.exp() * (teacher - student)).sum(dim=2) / student_logits.shape[3]"),
        fails="loss",
        also="temperature sizes offsets large_logits gradients manners",
    ),
    distil(
        "teacher and student exchanged",
        symptom="The divergence is taken the other way round: weighted with the student's map.",
        hint="Where the teacher sees the class, the student should look. Whose map stands before the logarithm?",
        changes=change(DIVERGENCE, "(student.exp() * (student - teacher)).sum(dim=2)"),
        fails="loss gradients",
        also="temperature sizes offsets large_logits manners",
    ),
    distil(
        "cross-entropy in the place of the divergence",
        symptom="The term of the teacher alone is missing, so that the loss is not 0 where both agree.",
        hint="Student and teacher say the same. What should the loss be, and what is yours?",
        changes=change("(teacher - student)", "-student"),
        fails="loss",
        also="temperature sizes offsets gradients manners",
        perhaps="large_logits",
    ),
    distil(
        "the squared difference of the maps",
        symptom="The maps are compared by their squared difference and not by the divergence.",
        hint="Two maps of places are two distributions. Which measure of the equation compares them?",
        changes=change(DIVERGENCE, "(teacher.exp() - student.exp()).square().sum(dim=2)"),
        fails="loss",
        also="temperature sizes offsets large_logits gradients manners",
    ),
    distil(
        "without the square of the temperature",
        symptom="The factor T squared is missing.",
        hint="At a temperature of 10 the gradients become a hundred times smaller. What makes up for that?",
        changes=change("temperature**2 * ", ""),
        fails="loss temperature",
        also="sizes offsets large_logits gradients manners",
    ),
    distil(
        "no temperature",
        symptom="The logits are not divided by the temperature, which appears in the factor only.",
        hint="What does a temperature do to a map before it is compared?",
        changes=change(
            "(student_logits / temperature)",
            "student_logits",
            "(teacher_logits.detach() / temperature)",
            "teacher_logits.detach()",
        ),
        fails="loss temperature",
        also="sizes offsets large_logits gradients manners",
    ),
    distil(
        "only the teacher is warm",
        symptom="The temperature is applied to the teacher's logits alone.",
        hint="A student that gives the teacher's logits exactly should have no loss. Does yours?",
        changes=change("(student_logits / temperature)", "student_logits"),
        fails="loss temperature",
        also="sizes offsets large_logits gradients manners",
    ),
    distil(
        "4, whatever is asked",
        symptom="The temperature is 4, whatever is asked for.",
        hint="Where in your code does the argument called temperature appear?",
        changes=change(
            STUDENT,
            STUDENT.replace("temperature", "4"),
            TEACHER,
            TEACHER.replace("temperature", "4"),
            "temperature**2",
            "4**2",
        ),
        fails="temperature",
        also="large_logits",
    ),
    distil(
        "the mean over the pixels, too",
        symptom="The divergence is divided by the number of pixels as well.",
        hint="A divergence is a sum over all places. By what is it divided in the equation?",
        changes=change(").sum(dim=2)", ").mean(dim=2)"),
        fails="loss",
        also="temperature sizes offsets large_logits gradients manners",
    ),
    distil(
        "divided by the images, not by the channels",
        symptom="The sum over all channels is divided by the number of images only.",
        hint="With twice as many classes, should the loss be twice as large?",
        changes=change("divergence.mean()", "divergence.sum() / len(divergence)"),
        fails="sizes",
        also="loss temperature offsets large_logits gradients manners",
    ),
    distil(
        "divided by the channels, not by the images",
        symptom="The sum over all images is divided by the number of channels only.",
        hint="The same picture twice in a batch: should the loss double?",
        changes=change("divergence.mean()", "divergence.sum() / divergence.shape[1]"),
        fails="sizes",
        also="loss temperature offsets large_logits gradients manners",
    ),
    distil(
        "the logarithm of a softmax",
        symptom="The logarithm is taken of a softmax that has been rounded to 0, and the loss is no number.",
        hint="What is the smallest number that a softmax can say, and what is its logarithm?",
        changes=change("log_softmax(dim=2)", "softmax(dim=2).log()"),
        fails="large_logits",
    ),
    distil(
        "the teacher learns as well",
        symptom="The loss is right, but gradients also reach the teacher's logits.",
        hint="The teacher has been trained and is given. Where does the gradient end in yours?",
        changes=change(".detach()", ""),
        fails="gradients",
    ),
    distil(
        "nobody learns",
        symptom="The loss is right, but no gradient flows back to the student.",
        hint="Of the two logits only one is given. Which of them have you cut off?",
        changes=change("student_logits / temperature", "student_logits.detach() / temperature"),
        fails="gradients",
    ),
    distil(
        "the logits are divided in place",
        symptom="The loss is right, but the logits that were passed in are changed.",
        hint="The criterion needs the student's logits next. What does it find there?",
        changes=change(
            "    student = ",
            "    with torch.no_grad():\n        teacher_logits.div_(temperature).mul_(1.0)\n    student = ",
            "teacher_logits.detach() / temperature",
            "teacher_logits.detach()",
        ),
        fails="manners",
        public=False,
    ),
)
