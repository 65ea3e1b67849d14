"""The verdict on a trained model: its points by mean IoU, from what is kept or by evaluating it now."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path

from autograder.evaluation.evaluating import evaluate
from autograder.evaluation.handed import HandedModel, read_handed
from autograder.evaluation.images import EvaluationImages, open_images
from autograder.evaluation.keeping import KeptRecords, digest
from autograder.grading.verdicts import Evaluation, Finding
from autograder.sandbox import Limits, Submission, Worker
from autograder.triage.results import HandedResults
from segkit.checking.candidate import AnswerError, Candidate
from segkit.errors import CourseError
from segkit.evaluation.scale import Scale, read_scale

TEST, TITLE = "mean_iou", "mean IoU of your trained model, on images that only your instructor has"
NOT_EVALUATED = "Not evaluated: in this course no images are set aside for it (yet)."


@dataclass(frozen=True)
class Rules:
    """How trained models are evaluated.

    Args:
        data: folder of the images; None evaluates nothing.
        scale: which mean IoU earns which share of the points.
        seconds: that a model may take for all images.
    """

    data: Path | None = None
    scale: Scale | None = None
    seconds: float = 900.0

    @property
    def images(self) -> EvaluationImages | None:
        """The images; None if there are none."""
        return open_images(self.data) if self.data else None

    @property
    def fingerprint(self) -> str:
        """Changes with the images, the scale, the time, or the code that evaluates."""
        return digest(self.measuring, asdict(self.scale or read_scale())) if self.data else "none"

    @property
    def measuring(self) -> str:
        """As `fingerprint`, without the scale: what a measured mean IoU depends on."""
        return digest(self.images and self.images.digest, self.seconds, fingerprint_of_code())


@dataclass(frozen=True)
class Judged:
    """What is said of a trained model, what was measured, and a name for the files that it was."""

    finding: Finding
    evaluation: Evaluation | None = None
    model: str | None = None


def judge_trained_model(
    results: HandedResults,
    submission: Submission,
    class_name: str,
    rules: Rules,
    *,
    limits: Limits,
    make_worker: Callable[..., Worker],
    kept: "KeptEvaluations",
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Judged:
    """The finding on the files that triage found.

    Args:
        submission: the student's code, in which `class_name` is the model's class.
        make_worker: starts a process for it.
    """
    if rules.images is None:
        return Judged(Finding(TEST, TITLE, 1.0, NOT_EVALUATED, 0.0))
    try:
        model = read_handed(results)
    except CourseError as error:
        return Judged(Finding(TEST, TITLE, 1.0, str(error), 0.0))
    name = digest(model.digest, model.settings.arguments, model.settings.image_size)
    evaluation = kept.get(name)
    if evaluation is None:
        try:
            evaluation = _evaluate(model, submission, class_name, rules, limits, make_worker, report)
        except AnswerError as error:
            finding = Finding(TEST, TITLE, 1.0, str(error), 0.0, said=error.said, stopped=error.stopped)
            return Judged(finding, model=name)
        kept.put(name, evaluation)
    finding = earned(evaluation, rules.scale or read_scale())
    return Judged(finding, replace(evaluation, name=model.settings.name), name)


def earned(evaluation: Evaluation, scale: Scale) -> Finding:
    """What a measured mean IoU earns, in words."""
    share = scale.share(evaluation.mean_iou)
    right = Finding(TEST, TITLE, 1.0, None, evaluation.seconds, earned=share, note=_in_words(evaluation, scale))
    return right if share else replace(right, message=right.note, note=None)


def _evaluate(
    model: HandedModel,
    submission: Submission,
    class_name: str,
    rules: Rules,
    limits: Limits,
    make_worker: Callable[..., Worker],
    report: Callable[[int, int], None],
) -> Evaluation:
    seconds = rules.seconds
    own = replace(limits, test=seconds, notebook=limits.load + seconds, cpu=limits.load + seconds)
    with make_worker(submission, limits=own) as worker:
        return evaluate(Candidate(worker.perform, submission.assignment), class_name, model, rules.images, report)


def _in_words(evaluation: Evaluation, scale: Scale) -> str:
    classes = ", ".join(f"{name} {_number(iou)}" for name, iou in evaluation.per_class.items())
    height, width = evaluation.image_size
    return (
        f"Mean IoU {evaluation.mean_iou:.4f} on {evaluation.images} images: {classes}. {evaluation.parameters:,} "
        f"parameters; {evaluation.multiply_adds / 1e9:.2f} billion multiply-adds for an image of {height} x {width}, "
        f"counted beside your code; {evaluation.seconds:g} seconds. Of the points, a mean IoU of {scale.in_words()}."
    )


def _number(iou: float | None) -> str:
    return "does not occur" if iou is None else f"{iou:.3f}"


class KeptEvaluations(KeptRecords):
    """Measured models, kept by content: the same weights in the same code on the same images are measured once."""

    def get(self, name: str) -> Evaluation | None:
        """The measurement of that model, if it is kept."""
        try:
            return Evaluation.read(self.read(name) or {})
        except (TypeError, KeyError):
            return None  # absent, or of an older version of this course

    def put(self, name: str, evaluation: Evaluation) -> None:
        """Keep a measurement."""
        self.write(name, asdict(evaluation))


@cache
def fingerprint_of_code() -> str:
    """Changes with the code of this package."""
    return digest([sha256(path.read_bytes()).hexdigest() for path in sorted(Path(__file__).parent.glob("*.py"))])
