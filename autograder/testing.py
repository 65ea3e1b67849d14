"""What hidden tests are written with."""

import pytest

ROUNDED = 0.3  # of the answer's std: bfloat16 has three digits, and every step of a right answer rounds to them


def graded(title: str, share: float):
    """Mark a hidden test: its public name, and its share of the points that the task's check cell carries.

    The points themselves stand in the notebook's source and nowhere else: shares 2, 1, 1 of a task of 6 points are
    3, 1.5 and 1.5 points.
    """
    return pytest.mark.graded(title=title, share=share)
