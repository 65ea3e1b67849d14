"""What late submissions lose: nbgrader's own plug-in for it, with a share for each day.

nbgrader asks for each notebook of a submission that came after the assignment's due date, which stands in the
gradebook. The time of a submission is in its `timestamp.txt`.
"""

from math import ceil

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float, Int

_DAY = 24 * 60 * 60


class SharePerDay(LateSubmissionPlugin):
    """Takes a share of what was earned for each day begun after the due date; none unless it is set."""

    share_per_day = Float(0.0, min=0.0, max=1.0, help="Share of the points that each day begun takes").tag(config=True)
    largest_share = Float(1.0, min=0.0, max=1.0, help="Share of the points that is taken at most").tag(config=True)
    free_minutes = Int(0, min=0, help="Minutes after the due date that cost nothing").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """The points to take off a notebook's score; None for none, and nbgrader's `penalty_method` without a share."""
        if not self.share_per_day:
            return super().late_submission_penalty(student_id, score, total_seconds_late)
        seconds = total_seconds_late - 60 * self.free_minutes
        if seconds <= 0:
            return None
        return score * min(self.largest_share, self.share_per_day * ceil(seconds / _DAY))
