"""Which files the code of a submission may see: the interpreter, the student requirements and segkit."""

import re
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from autograder.paths import NOTEBOOKS
from segkit.errors import CourseError

REQUIREMENTS = NOTEBOOKS / "requirements.txt"


@cache
def student_packages() -> tuple[Path, ...]:
    """The files and folders of the installed student requirements and of all that they require.

    Raises:
        CourseError: if one of them is not installed.
    """
    found: set[Path] = set()
    for distribution in _closure(REQUIREMENTS.read_text(encoding="utf-8").splitlines()):
        tops = {file.parts[0] for file in distribution.files or []} - {"..", "/", "__pycache__"}
        found |= {Path(distribution.locate_file(top)) for top in tops if not top.endswith(".pth")}
    return tuple(sorted(path for path in found if path.exists()))


def _closure(lines: list[str]) -> list[metadata.Distribution]:
    wanted = [(Requirement(line), "") for line in lines if line.strip() and not line.startswith("#")]
    found: dict[tuple[str, str], metadata.Distribution] = {}
    direct = {requirement.name for requirement, _ in wanted}
    while wanted:
        requirement, _ = wanted.pop()
        try:
            distribution = metadata.distribution(requirement.name)
        except metadata.PackageNotFoundError:
            if requirement.name in direct:
                raise CourseError(
                    f"Nothing was graded: {requirement.name} of {REQUIREMENTS.name}, which students have, is not "
                    f"installed here. Run `pip install -r {REQUIREMENTS}`."
                ) from None
            continue
        for extra in ("", *requirement.extras):
            key = (re.sub(r"[-_.]+", "-", requirement.name).lower(), extra)
            if key not in found:
                found[key] = distribution
                for text in distribution.requires or []:
                    needed = Requirement(text)
                    if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                        wanted.append((needed, extra))
    return list(found.values())


def package_folders() -> list[Path]:
    """Folders of installed packages under the interpreter: emptied in the sandbox, whatever they hold."""
    prefixes = {Path(sys.base_prefix), Path("/usr"), Path("/usr/local")}
    patterns = ("lib/python3*/site-packages", "lib/python3*/dist-packages", "lib64/python3*/site-packages")
    return sorted({folder for prefix in prefixes for pattern in patterns for folder in prefix.glob(pattern)})
