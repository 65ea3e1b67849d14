"""The student bundle: `notebooks/` as one zip, complete without anything else of this repository."""

import zipfile
from pathlib import Path

from autograder.paths import NOTEBOOKS
from segkit.errors import CourseError

LEFT_OUT = {"__pycache__", ".ipynb_checkpoints", "data", "checkpoints", "logs", "lightning_logs"}
EPOCH = (2026, 1, 1, 0, 0, 0)  # zip stores a time for each file; a fixed one makes equal contents equal zips


def bundle_files(assignment: str) -> list[Path]:
    """The files that belong into the bundle, relative to `notebooks/`."""
    if not (NOTEBOOKS / assignment).is_dir():
        raise CourseError(f"There are no notebooks in notebooks/{assignment}: run `make notebooks` first.")
    paths = (path.relative_to(NOTEBOOKS) for path in sorted(NOTEBOOKS.rglob("*")) if path.is_file())
    return [path for path in paths if not LEFT_OUT & set(path.parts) and not path.name.startswith(".")]


def write_bundle(assignment: str, out: Path) -> int:
    """Write the zip, whole or not at all; the number of files in it."""
    files = bundle_files(assignment)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_suffix(".part")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(f"segformer-course/{path.as_posix()}", date_time=EPOCH)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, (NOTEBOOKS / path).read_bytes())
    temporary.replace(out)
    return len(files)
