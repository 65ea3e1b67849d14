"""`settings.json`: how a trained model is built and asked, checked before anything of it is used."""

import json
import math
from dataclasses import dataclass
from typing import Any

from segkit.errors import CourseError

SETTINGS = "settings.json"
MAX_BYTES = 64 * 2**10
MAX_ARGUMENTS = 30
LARGEST = 10**9  # of a number among the arguments
SIDES = (32, 1024)  # shortest and longest side of an input, in pixels
LONGEST_NAME = 40
ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class ResultsSettings:
    """How a trained model is built and asked.

    Args:
        arguments: keyword arguments of the model's class; sequences are tuples.
        image_size: (height, width) of what the model sees.
        name: what the leaderboard shows; None: a name that says nothing.
    """

    arguments: dict[str, Any]
    image_size: tuple[int, int]
    name: str | None = None


def read_settings(text: bytes) -> ResultsSettings:
    """The settings in the bytes of a `settings.json`; what else stands in it is left alone.

    Raises:
        CourseError: with what is wrong, one sentence that begins with the file's name.
    """
    if len(text) > MAX_BYTES:
        raise CourseError(f"{SETTINGS} is larger than {MAX_BYTES // 2**10} KiB: hand in the one of save_results.")
    try:
        found = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise CourseError(f"{SETTINGS} is damaged or no JSON: write it again with save_results.") from None
    if not isinstance(found, dict):
        raise CourseError(f"{SETTINGS} holds no settings: write it again with save_results.")
    return checked_settings(found.get("arguments"), found.get("image_size"), found.get("name"))


def checked_settings(
    arguments: Any, image_size: Any, name: Any, *, file: str = SETTINGS, sides: tuple[int, int] = SIDES
) -> ResultsSettings:
    """The settings, if they are what a grader accepts.

    Args:
        file: that they stand in, for what is said of them.
        sides: shortest and longest side of an input, in pixels.

    Raises:
        CourseError: as `read_settings`.
    """
    if not isinstance(arguments, dict) or len(arguments) > MAX_ARGUMENTS:
        raise CourseError(f'{file}: "arguments" must name at most {MAX_ARGUMENTS} arguments of the model.')
    return ResultsSettings(
        {str(key)[:80]: _argument(file, str(key)[:80], value) for key, value in arguments.items()},
        _image_size(file, image_size, *sides),
        _name(file, name),
    )


def _argument(file: str, key: str, value: Any, depth: int = 0) -> Any:
    if isinstance(value, list | tuple) and len(value) <= 100 and depth < 2:
        return tuple(_argument(file, key, item, depth + 1) for item in value)
    plain = value is None or isinstance(value, bool) or (isinstance(value, str) and len(value) <= 100)
    if plain or (isinstance(value, int | float) and math.isfinite(value) and abs(value) <= LARGEST):
        return value
    raise CourseError(
        f"{file}: the argument {key!r} must be a number up to {LARGEST:,}, a short text, None, or a short list of "
        "these."
    )


def _image_size(file: str, value: Any, shortest: int, longest: int) -> tuple[int, int]:
    pair = isinstance(value, list | tuple) and len(value) == 2
    if not pair or not all(type(side) is int and shortest <= side <= longest for side in value):
        raise CourseError(f'{file}: "image_size" must be [height, width], whole numbers from {shortest} to {longest}.')
    return tuple(value)


def _name(file: str, value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value.strip().casefold() in ("", ANONYMOUS)):
        return None
    if not isinstance(value, str):
        raise CourseError(f'{file}: "name" must be a text, or null to stay anonymous.')
    shown = " ".join("".join(letter if letter.isprintable() else " " for letter in value).split())
    return shown[:LONGEST_NAME] or None
