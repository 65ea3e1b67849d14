"""Runs code that can be trusted in this process, where a submission's runs in a `Worker`."""

import torch

from autograder.reference import reference_candidate
from autograder.sandbox import Limits, Submission
from segkit.checking.workbench import Workbench
from segkit.student import load_cells, provide_sources


class TrustedWorker:
    """A worker for the reference's variants: the same answers as a sandboxed one gives, sooner."""

    doubtful = False

    def __init__(self, submission: Submission, *, device: str = "cpu", limits: Limits | None = None) -> None:
        # The reference comes first: loading it provides its own sources to `student_code`.
        reference_candidate(submission.assignment, submission.main)
        provide_sources(submission.cells)
        loaded = load_cells(submission.main, submission.cells[submission.main])
        self.problems, self.module = loaded.problems, loaded.module
        self._workbench = Workbench(loaded.module, device)

    def new_test(self) -> None:
        """Trusted code has all the time it needs."""

    def perform(self, request: dict, tensors: dict[str, torch.Tensor]) -> tuple[dict, dict[str, torch.Tensor]]:
        """Answer one request, as `Worker.perform`."""
        return self._workbench.perform(request, tensors)

    def __exit__(self, *_: object) -> None:
        self._workbench.restore()
