"""Points by mean IoU: a piecewise linear scale, set in `course.toml` (`[results] scale`)."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from segkit.course import read_settings
from segkit.errors import CourseError

_PAIR = re.compile(r"\s*([0-9.]+)\s*:\s*([0-9.]+)\s*")


@dataclass(frozen=True)
class Scale:
    """Which share of the points which mean IoU earns: straight lines between (mean IoU, share), flat outside."""

    points: tuple[tuple[float, float], ...]

    @property
    def full(self) -> float:
        """The mean IoU from which on all points are earned."""
        return self.points[-1][0]

    def share(self, mean_iou: float) -> float:
        """The share of the points, 0 to 1, that a mean IoU earns."""
        after = bisect_right([at for at, _ in self.points], mean_iou)
        if after in (0, len(self.points)):
            return self.points[0][1] if after == 0 else self.points[-1][1]
        (low, less), (high, more) = self.points[after - 1 : after + 1]
        return less + (more - less) * (mean_iou - low) / (high - low)

    def in_words(self) -> str:
        """`0.35 earns 0 %, 0.5 earns 100 %, in between in proportion`."""
        return ", ".join(f"{at:g} earns {share:.0%}" for at, share in self.points) + ", in between in proportion"


def read_scale(text: str | None = None) -> Scale:
    """The scale in a text such as `"0.35: 0, 0.50: 1"`; without a text, that of the course.

    Raises:
        CourseError: unless mean IoUs and shares rise within 0 and 1, and the last share is 1.
    """
    text = text or read_settings().results_scale
    pairs = [_PAIR.fullmatch(part) for part in text.split(",")]
    try:
        points = tuple((float(pair[1]), float(pair[2])) for pair in pairs)
    except (TypeError, ValueError):
        points = ()
    rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(points))
    within = all(0 <= number <= 1 for point in points for number in point)
    if not (points and rising and within and points[-1][1] == 1):
        raise CourseError(
            f"{text!r} is no scale of points. Write mean IoU and share of the points, both rising from 0 to 1 and the "
            'last share 1, for example "0.35: 0, 0.50: 1".'
        )
    return Scale(points)
