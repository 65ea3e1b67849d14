"""The bundle: a zip with the course's files and `release.json`, which describes them.

`release.json` holds the version, the sha256 of every file, and a digest of every cell of every notebook. The digests
stay with the student and say later which cells are still as they were released.
"""

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from segkit.errors import CourseError
from segkit.releases.notebooks import cell_digests, parse_notebook, stamp_of

FOLDER = "segformer-course"  # in the zip
DESCRIPTION = "release.json"
FORMAT = 1
MAX_BYTES = 256 * 2**20  # unpacked
_PART = re.compile(r"[\w+-][\w.+-]*", re.ASCII)  # of a path: no "..", no drive, no backslash
_ALWAYS = ("course.toml", "requirements.txt", "segkit/__init__.py")


@dataclass(frozen=True)
class Description:
    """What `release.json` says.

    version: depends on the files alone. files: path -> sha256. cells: path of a notebook -> id of a cell -> its digest.
    stamps: path of a notebook -> `stamp_of`.
    """

    version: str
    files: Mapping[str, str] = field(repr=False)
    cells: Mapping[str, Mapping[str, str]] = field(repr=False)
    stamps: Mapping[str, str | None] = field(repr=False)

    def written(self) -> bytes:
        """The content of `release.json`."""
        return json.dumps({"format": FORMAT} | asdict(self), indent=1).encode() + b"\n"


@dataclass(frozen=True)
class Release:
    """A checked bundle: what it says of itself, and the content of its files."""

    about: Description
    files: Mapping[str, bytes] = field(repr=False)


def describe(files: Mapping[str, bytes]) -> Description:
    """The description of a release that consists of these files (path -> content)."""
    digests = {path: sha256(data).hexdigest() for path, data in sorted(files.items())}
    parsed = {path: parse_notebook(files[path]) for path in digests if is_notebook(path)}
    notebooks = {path: notebook for path, notebook in parsed.items() if notebook}
    version = sha256(json.dumps(digests).encode()).hexdigest()[:12]
    cells = {path: cell_digests(notebook) for path, notebook in notebooks.items()}
    return Description(version, digests, cells, {path: stamp_of(notebook) for path, notebook in notebooks.items()})


def is_notebook(path: str) -> bool:
    """Whether a path of the bundle is that of a notebook."""
    return path.endswith(".ipynb")


def read_description(folder: Path) -> Description | None:
    """What the release that lies in a folder says of itself; None if it says nothing readable."""
    try:
        return _description((folder / DESCRIPTION).read_bytes())
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def read_bundle(path: Path) -> Release:
    """The release in a zip file, complete and unchanged; nothing is unpacked.

    Raises:
        CourseError: if the file is no bundle, is damaged, or names files outside of the course's folder.
    """
    try:
        with zipfile.ZipFile(BytesIO(path.read_bytes())) as archive:
            files = _read(archive)
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror}).") from None
    except zipfile.BadZipFile:
        raise CourseError(f"{path} is not the course's zip file: download it again.") from None
    except (EOFError, RuntimeError, NotImplementedError, zipfile.zlib.error):
        raise _damaged(path) from None
    return _checked(path, files)


def _read(archive: zipfile.ZipFile) -> dict[str, bytes]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise CourseError(f"The zip holds more than {MAX_BYTES >> 20} MiB: it is not the course's.")
    files = {}
    for entry in entries:
        folder, *parts = entry.filename.split("/")
        is_link = (entry.external_attr >> 16) & 0o170000 == 0o120000
        if is_link or folder != FOLDER or not parts or not all(_PART.fullmatch(part) for part in parts):
            raise CourseError(f"The zip names {entry.filename!r}, which is no file of a course: it was not unpacked.")
        files["/".join(parts)] = archive.read(entry)
    return files


def _checked(path: Path, files: dict[str, bytes]) -> Release:
    try:
        about = _description(files.pop(DESCRIPTION))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CourseError(f"{path} is not the course's zip file: it has no readable {DESCRIPTION}.") from None
    if describe(files) != about or not set(_ALWAYS) <= set(files):
        raise _damaged(path)
    return Release(about, files)


def _damaged(path: Path) -> CourseError:
    return CourseError(
        f"{path} is damaged, nothing was changed: download it again, and tell your instructor if it stays so."
    )


def _description(data: bytes) -> Description:
    found = json.loads(data)
    if found["format"] != FORMAT:
        raise ValueError(found["format"])
    cells = {path: dict(digests) for path, digests in found["cells"].items()}
    return Description(str(found["version"]), dict(found["files"]), cells, dict(found["stamps"]))
