"""Whether a GPU on which submissions compute still works, told apart from what submissions do wrong."""

import re

import torch

from autograder.grading.notebook import Settings
from autograder.grading.verdicts import Verdict
from autograder.sandbox import Submission, Worker
from segkit.checking.candidate import AnswerError, Candidate
from segkit.student import Cell

OF_THE_DEVICE = re.compile("CUDA|cuda|cuDNN|CUBLAS|NVIDIA|MPS backend|driver")
PROBE = "import torch\ndef add(numbers):\n    return numbers + 1"


def is_lost(settings: Settings, verdict: Verdict) -> bool:
    """Whether tests failed because the device of these settings no longer works: if even adding 1 fails there."""
    if settings.device == "cpu":
        return False
    findings = [finding for task in verdict.tasks.values() for finding in task.findings if finding.message]
    suspicious = any(finding.stopped == "crash" or OF_THE_DEVICE.search(finding.message) for finding in findings)
    return suspicious and not _adds(settings)


def _adds(settings: Settings) -> bool:
    submission = Submission("", "probe", {"probe": [Cell(1, PROBE)]})
    with Worker(submission, device=settings.device, limits=settings.limits, sandbox=settings.sandbox) as worker:
        try:
            answer = Candidate(worker.perform, submission.assignment).call("add", torch.zeros(2)).result
        except AnswerError:
            return False
    return answer.tolist() == [1.0, 1.0]
