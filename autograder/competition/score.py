"""The score of one entry on the hidden images: models asked in a process of their own, pictures compared here."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version

import torch
from torch import Tensor

from autograder.competition.reading import HandedEntry
from autograder.competition.streets import HiddenStreets
from autograder.competition.zoo_process import BUILD, MODELS, LimitedProcess
from autograder.evaluation.counting import mean_of, per_class
from autograder.evaluation.evaluating import as_evaluation, measure
from autograder.evaluation.handed import HandedModel
from autograder.evaluation.keeping import digest
from autograder.evaluation.trained_model import fingerprint_of_code
from autograder.grading.kept import installed_versions
from autograder.grading.verdicts import Evaluation
from autograder.paths import NOTEBOOKS, ROOT
from autograder.sandbox import Bubblewrap, Limits, Sandbox, Submission, Worker
from segkit.checking.candidate import Candidate
from segkit.competition.entries import CLASS, CODE, PICTURES

Report = Callable[[int, int], None]
ZOO_LIBRARIES = ("segmentation-models-pytorch", "timm")


@dataclass(frozen=True)
class Score:
    """What an entry is worth. `confusions`: of each image, int64 (N, 19, 19), or (N, 19, 20) of pictures.

    `claimed`: the multiply-adds are the entrant's word, or were not stated (0).
    """

    evaluation: Evaluation
    confusions: Tensor
    claimed: bool = False

    def claiming(self, multiply_adds: int | None) -> "Score":
        """With that claim, where there is one: the same pictures have one score, whatever their entrants claim."""
        if not self.claimed:
            return self
        return replace(self, evaluation=replace(self.evaluation, multiply_adds=multiply_adds or 0))

    def record(self) -> dict:
        """For JSON."""
        return {
            "evaluation": asdict(self.evaluation),
            "confusions": self.confusions.tolist(),
            "claimed": self.claimed,
        }

    @classmethod
    def read(cls, record: dict) -> "Score":
        """What `record` gave.

        Raises:
            KeyError, TypeError: if it is of another version of this course.
        """
        return cls(Evaluation.read(record["evaluation"]), torch.tensor(record["confusions"]), record["claimed"])


@dataclass(frozen=True)
class Conditions:
    """What every entry of a competition has: `seconds` for all images, and the limits and sandbox of its process."""

    seconds: float = 900.0
    limits: Limits = field(default_factory=Limits)
    sandbox: Sandbox = field(default_factory=Bubblewrap)

    def depends_on(self, images: HiddenStreets) -> tuple:
        """All that a score depends on but the entry.

        Seconds are not among it: they decide whether an entry is stopped, and what was stopped is not kept.
        """
        versions = installed_versions() | {name: _version(name) for name in ZOO_LIBRARIES}
        return images.digest, asdict(self.limits), self.sandbox.name, versions, _fingerprint()


def score(
    entry: HandedEntry,
    predicted: list[Tensor] | None,
    images: HiddenStreets,
    conditions: Conditions,
    *,
    begun: Callable[[], None],
    report: Report,
) -> Score:
    """What an entry is worth.

    Args:
        predicted: of the kind "pictures", what `HiddenStreets.read` made of them.
        begun: called before anything of the entry meets an image or a label: from then on it is an attempt.
        report: called with the number of images that are done and of all.

    Raises:
        AnswerError: if its model could not be built, or gave no answer that can be judged.
        CourseError: if no process could be started: nothing that the entry had a part in.
    """
    if entry.about.kind == PICTURES:
        begun()
        return _of_pictures(images.count(predicted), images)
    if entry.about.kind == CODE:
        submission = Submission("competition", entry.about.model, entry.cells)
        name, arguments, sandbox = CLASS, (), conditions.sandbox
    else:
        submission, name, sandbox = MODELS, BUILD, LimitedProcess()
        arguments = (entry.about.model, len(images.class_names))
    limits = conditions.limits
    own = replace(
        limits,
        test=conditions.seconds,
        notebook=limits.load + conditions.seconds,
        cpu=limits.load + conditions.seconds,
    )
    model = HandedModel(entry.about.settings, entry.weights, entry.model)
    with Worker(submission, limits=own, sandbox=sandbox) as worker:
        candidate = Candidate(worker.perform, submission.assignment)
        measured = measure(candidate, name, model, _Noticed(images, begun), report, *arguments)
    return Score(as_evaluation(measured, model, images.class_names), measured.confusions)


def _of_pictures(confusions: Tensor, images: HiddenStreets) -> Score:
    """Without any claim: see `Score.claiming`."""
    ious = per_class(confusions.sum(dim=0))
    evaluation = Evaluation(
        mean_iou=mean_of(ious),
        per_class=dict(zip(images.class_names, ious, strict=True)),
        images=len(confusions),
        parameters=0,
        multiply_adds=0,
        image_size=(0, 0),
        seconds=0.0,
    )
    return Score(evaluation, confusions, claimed=True)


class _Noticed:
    """Images that tell when they are first looked at."""

    def __init__(self, images: HiddenStreets, begun: Callable[[], None]) -> None:
        self._images, self._begun, self.class_names = images, begun, images.class_names

    def __len__(self) -> int:
        return len(self._images)

    def batches(self, size: tuple[int, int]) -> Iterator[tuple[Tensor, list[Tensor]]]:
        self._begun()
        return self._images.batches(size)


def _version(library: str) -> str | None:
    """Of a library that models of the zoo come from; None if it is not installed."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


@cache
def _fingerprint() -> str:
    """Changes with the code that scores entries: here, and beside the model."""
    own = [f"autograder/competition/{name}.py" for name in ("score", "streets", "reading", "zoo_process")]
    library = [f"competition/{name}.py" for name in ("kitti", "networks", "predictions", "zoo")]
    library += [f"evaluation/{name}.py" for name in ("checkpoint", "counting", "saving")]
    library += ["checking/workbench.py", "transfer/classes.py"]
    files = [*(ROOT / name for name in own), *(NOTEBOOKS / "segkit" / name for name in library)]
    return digest(fingerprint_of_code(), [sha256(file.read_bytes()).hexdigest() for file in files])
