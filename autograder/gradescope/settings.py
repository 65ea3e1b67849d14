"""What was decided when the zip was built, as it stands in the zip."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from segkit.errors import CourseError

SETTINGS_FILE, SECRET_FILE, REQUIREMENTS_FILE = "gradescope.json", "gradescope_secret", "gradescope_requirements.txt"
BUBBLEWRAP, EITHER, OTHER_USER = SANDBOXES = ("bubblewrap", "bubblewrap-or-user", "user")
VISIBILITIES = ("visible", "after_due_date", "after_published", "hidden")


@dataclass(frozen=True)
class GradescopeSettings:
    """How submissions are graded there.

    Args:
        assignment: which one.
        sandbox: one of `SANDBOXES`: bubblewrap or nothing; else another user; another user in any case.
        visibility: when students see the tests, one of `VISIBILITIES`.
        leaderboard: whether there is one, of points.
        seconds_per_notebook, memory_mib: limits of a submission; Gradescope ends what takes too long or too much.
    """

    assignment: str
    sandbox: str = BUBBLEWRAP
    visibility: str = "visible"
    leaderboard: bool = True
    seconds_per_notebook: float = 120.0
    memory_mib: int = 1536

    def __post_init__(self) -> None:
        if self.sandbox not in SANDBOXES or self.visibility not in VISIBILITIES:
            raise CourseError(
                f"There is no sandbox {self.sandbox!r} or no visibility {self.visibility!r}: they are "
                f"{', '.join(SANDBOXES)} and {', '.join(VISIBILITIES)}."
            )

    def as_json(self) -> str:
        """As it stands in the zip."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> "GradescopeSettings":
        """What stands in the zip.

        Raises:
            CourseError: if the zip was not built by this course.
        """
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise CourseError(f"{path} cannot be used ({error}): build the zip again.") from None
