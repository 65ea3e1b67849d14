"""What a gradebook holds of each submission that is returned."""

from dataclasses import dataclass
from pathlib import Path

from autograder.course.marks import Mark, marks_of, open_gradebook


@dataclass(frozen=True)
class GradedSubmission:
    """Marks, the points that being late costs, and by notebook and cell the comments of whoever graded."""

    marks: list[Mark]
    late_penalty: float
    comments: dict[tuple[str, str], str]


def read_submissions(root: Path, assignment: str) -> dict[str, GradedSubmission]:
    """The graded submissions of the course in `root`, by the id that they were handed in under.

    Raises:
        CourseError: if the gradebook does not know the assignment, or cannot be read now.
    """
    with open_gradebook(root, assignment) as gradebook:
        found = {
            submission.student.id: GradedSubmission(
                marks_of(submission),
                submission.late_submission_penalty,
                {
                    (notebook.name, comment.name): comment.comment
                    for notebook in submission.notebooks
                    for comment in notebook.comments
                    if comment.comment
                },
            )
            for submission in gradebook.assignment_submissions(assignment)
        }
    return {name: submission for name, submission in found.items() if submission.marks}
