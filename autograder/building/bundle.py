"""The student bundle: `notebooks/` as one zip, complete without anything else of this repository, and nothing more."""

import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from autograder.building.build import is_edited
from autograder.paths import NOTEBOOKS
from autograder.sources import assignments, read_sources
from segkit.checking.public import ASSIGNMENTS, tasks_of
from segkit.errors import CourseError
from segkit.releases.bundle import DESCRIPTION, FOLDER, describe

EPOCH = (2026, 1, 1, 0, 0, 0)  # zip stores a time for each file; a fixed one makes equal contents equal zips


def bundle_files(assignment: str | None = None) -> list[Path]:
    """The files of the bundle, relative to `notebooks/`: whatever else lies there is nobody's business.

    Args:
        assignment: whose notebooks are in it; None: those of all assignments. The library is always whole.

    Raises:
        CourseError: if there is no such assignment, a file is missing, or a notebook was edited since it was built.
    """
    names = [assignment] if assignment else assignments()
    notebooks = [Path(name, f"{source.name}.ipynb") for name in names for source in read_sources(name)]
    recorded = [Path("segkit/recorded", name, f"{task}.safetensors") for name in ASSIGNMENTS for task in tasks_of(name)]
    library = [path.relative_to(NOTEBOOKS) for path in (NOTEBOOKS / "segkit").rglob("*.py")]
    pages = [page for page in (Path(name, "README.md") for name in names) if (NOTEBOOKS / page).is_file()]
    always = map(Path, ("README.md", "requirements.txt", "requirements-competition.txt", "course.toml"))
    files = sorted([*always, *pages, *notebooks, *recorded, *library])
    if missing := [path.as_posix() for path in files if not (NOTEBOOKS / path).is_file()]:
        raise CourseError(f"notebooks/ lacks {', '.join(missing)}: run `make notebooks` first.")
    if edited := [path.as_posix() for path in notebooks if is_edited(NOTEBOOKS / path)]:
        raise CourseError(
            f"{', '.join(edited)} in notebooks/ was edited or run since it was built, and students would get that: "
            "move it elsewhere or delete it, then run `make notebooks`."
        )
    return files


def write_bundle(assignment: str | None, out: Path) -> int:
    """Write the zip with the files that `bundle_files` names, whole or not at all; their number.

    Raises:
        CourseError: as `bundle_files`, or if `out` cannot be written.
    """
    files = bundle_files(assignment)
    if out.is_dir():
        raise CourseError(f"{out} is a folder: name the zip to write, for example {out / 'segformer-course.zip'}.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
            zip_files({path.as_posix(): (NOTEBOOKS / path).read_bytes() for path in files}, Path(scratch) / out.name)
            (Path(scratch) / out.name).replace(out)
    except OSError as error:
        raise CourseError(f"The bundle could not be written to {out} ({error.strerror}).") from None
    return len(files)


def zip_files(contents: Mapping[str, bytes], out: Path) -> None:
    """Write a bundle of these files (path -> content) and their description."""
    contents = {**contents, DESCRIPTION: describe(contents).written()}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in contents.items():
            entry = zipfile.ZipInfo(f"{FOLDER}/{path}", date_time=EPOCH)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
