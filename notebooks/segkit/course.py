"""The settings of a course, `course.toml` beside segkit."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from segkit.errors import CourseError

SETTINGS = Path(__file__).resolve().parent.parent / "course.toml"


@dataclass(frozen=True)
class CourseSettings:
    """What differs from course to course.

    data_url, data_sha256: where students download the data from, and its checksum; "" if they do not.
    online_notebooks: where the built notebooks are on GitHub, "owner/name/blob/branch/folder"; "": nowhere.
    online_bundle: address of the bundle, from which notebooks fetch the course where it is missing; "": none.
    online_news: what the latest correction is about, one sentence for students.
    results_scale: which mean IoU of a trained model earns which share of its points (`segkit.evaluation.scale`).
    competition_attempts: how many entries of a team are scored.
    """

    data_url: str = ""
    data_sha256: str = ""
    online_notebooks: str = ""
    online_bundle: str = ""
    online_news: str = ""
    results_scale: str = "0.35: 0, 0.50: 1"
    competition_attempts: int = 5


def read_settings(path: Path | None = None) -> CourseSettings:
    """The settings in `path` (default: `course.toml` beside segkit); the defaults if there is no such file.

    Raises:
        CourseError: if it cannot be read, or sets something else.
    """
    path = path or SETTINGS
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return CourseSettings()
    except (OSError, ValueError) as error:
        raise CourseError(f"{path} cannot be read ({error}): correct it, or take the course's own again.") from error
    named = {f"{table}_{key}": value for table, values in _tables(path, settings) for key, value in values.items()}
    for name, value in named.items():
        what = f"{path} sets {name.replace('_', '.', 1)} = {value!r}"
        if name not in CourseSettings.__dataclass_fields__:
            raise CourseError(f"{what}, which is no setting of a course.")
        kind = CourseSettings.__dataclass_fields__[name].type
        if type(value) is not kind:
            wanted = "text in quotation marks" if kind is str else "a whole number"
            raise CourseError(f"{what}, which must be {wanted}.")
    return CourseSettings(**named)


def _tables(path: Path, settings: dict):
    for table, values in settings.items():
        if not isinstance(values, dict):
            raise CourseError(f"{path} sets {table} outside of a table: put it below [data].")
        yield table, values
