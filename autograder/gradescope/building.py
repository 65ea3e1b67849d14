"""The zip that Gradescope installs: `setup.sh`, `run_autograder`, the engine, one assignment and a secret."""

import secrets
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from autograder.building.bundle import EPOCH, bundle_files
from autograder.gradescope.settings import REQUIREMENTS_FILE, SECRET_FILE, SETTINGS_FILE, GradescopeSettings
from autograder.grading.cases import course_secret
from autograder.paths import HIDDEN_TESTS, NOTEBOOKS, ROOT
from autograder.sources import read_sources
from segkit.errors import CourseError

PROGRAMS = ("setup.sh", "run_autograder")  # at the top of the zip
PER_ASSIGNMENT = (HIDDEN_TESTS, ROOT / "autograder" / "misconceptions")  # folders with one for each assignment
ENGINE = {".py", ".jinja", ".ini"}


def write_autograder(
    out: Path, settings: GradescopeSettings, *, course: Path | None = None, pip_options: str = ""
) -> int:
    """Write the zip, whole or not at all; the number of its files.

    Args:
        course: folder of the course whose secret goes in, so that marks are those that it would give at home; None: a
            secret of the zip's own.
        pip_options: a line for pip, such as the address of an index with PyTorch for CPUs.

    Raises:
        CourseError: if there is no such assignment, a released notebook was edited, or `out` cannot be written.
    """
    secret = course_secret(course).decode() if course else secrets.token_hex(32)
    made = {
        SETTINGS_FILE: settings.as_json(),
        SECRET_FILE: secret + "\n",
        REQUIREMENTS_FILE: f"{pip_options}\n-r requirements.txt\n",
    }
    files = dict(_files(settings.assignment))
    if out.is_dir():
        raise CourseError(f"{out} is a folder: name the zip to write, for example {out / 'autograder.zip'}.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
            _write_zip(Path(scratch) / out.name, files, made)
            (Path(scratch) / out.name).replace(out)
    except OSError as error:
        raise CourseError(f"The zip could not be written to {out} ({error.strerror}).") from None
    return len(files) + len(made)


def _files(assignment: str) -> Iterator[tuple[str, Path]]:
    """Names in the zip, and where the files stand: what grading one assignment needs, and nothing of the others."""
    for name in PROGRAMS:
        yield name, Path(__file__).parent / name
    paths = [ROOT / "requirements.txt", *(source.path for source in read_sources(assignment))]
    paths += [NOTEBOOKS / path for path in bundle_files(assignment)]
    paths += [path for path in (ROOT / "autograder").rglob("*") if path.suffix in ENGINE and path.is_file()]
    for path in sorted(paths):
        if all(_whose(path, folder) in (None, assignment) for folder in PER_ASSIGNMENT):
            yield path.relative_to(ROOT).as_posix(), path


def _whose(path: Path, folder: Path) -> str | None:
    """The assignment that a file in such a folder is for; None: it stands elsewhere, or is for all of them."""
    parts = path.relative_to(folder).parts if path.is_relative_to(folder) else ()
    return parts[0] if len(parts) > 1 else None


def _write_zip(out: Path, files: dict[str, Path], made: dict[str, str]) -> None:
    contents = {name: path.read_bytes() for name, path in files.items()}
    contents |= {name: text.encode() for name, text in made.items()}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name, date_time=EPOCH)
            entry.external_attr = (0o755 if name in PROGRAMS else 0o600 if name == SECRET_FILE else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    out.chmod(0o600)  # hidden tests, reference and secret are in it
