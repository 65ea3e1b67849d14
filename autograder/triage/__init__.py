"""Makes what students hand in fit for grading, whatever it is, and says what was repaired."""

from autograder.triage.submission import TriagedNotebook, TriagedSubmission, read_released, triage_submission

__all__ = ["TriagedNotebook", "TriagedSubmission", "read_released", "triage_submission"]
