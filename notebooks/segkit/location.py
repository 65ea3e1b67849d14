"""Where a notebook's data come from: what `DATA` names, the course's own download, or the drawn sample."""

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

from segkit.course import read_settings
from segkit.download import download
from segkit.errors import CourseError
from segkit.sample import make_sample
from segkit.subset import MANIFEST, SPLITS, UNLABELLED, build_subset, is_whole, open_source, read_manifest


def locate_data(folder="data", *, unlabelled=None) -> Path:
    """The folder of a four-class data set, downloaded and built on the first call.

    The environment variable `DATA` names ADE20K (folder, zip file or parquet files), an address to download its zip
    file from (`https://...zip`, with `#sha256=...` to check it), or a four-class data set that is built already.
    If it is not set, the course's own data are downloaded (`course.toml`); if there are none or they cannot be had, the
    drawn sample is used. One printed line says which.

    Args:
        folder: where it is kept, in the current directory.
        unlabelled: "background" or "ignore": what unlabelled pixels become. None asks the environment variable
            `UNLABELLED`, and is "background", as in the original course, if that is not set.

    Raises:
        CourseError: if `DATA` names nothing usable.
    """
    given = _named_path()
    if given is not None and (given / MANIFEST).is_file():
        read_manifest(given)  # which says what is wrong with it
        return _announce(given, f"the four-class data set {given}")
    unlabelled = unlabelled or os.environ.get("UNLABELLED") or "background"
    if unlabelled not in UNLABELLED:
        raise CourseError(f'UNLABELLED must be "background" or "ignore", not "{unlabelled}".')
    return _first_that_works(lambda origin: _announce(_build(origin, Path(folder), unlabelled), origin.words))


def raw_data(folder="data") -> Path:
    """ADE20K with its 150 classes, for `RawADE20K`: the photographs that `locate_data` builds from.

    Raises:
        CourseError: as `locate_data`, or if `DATA` names a data set that has four classes already.
    """
    given = _named_path()
    if given is not None and (given / MANIFEST).is_file():
        raise CourseError(f"{given} has four classes already: set DATA to ADEChallengeData2016 itself to see all 150.")
    return _first_that_works(lambda origin: _readable(origin.get(Path(folder))))


@dataclass(frozen=True)
class _Origin:
    """ADE20K from one place.

    label: tells it from others in names of folders. words: names it for people. get: function of the folder for data
    -> where ADE20K lies. optional: whether the sample may take its place.
    """

    label: str
    words: str
    get: Callable[[Path], Path]
    optional: bool = False

    def built(self, folder: Path, unlabelled: str) -> Path:
        # Another DATA is another folder: a data set of yesterday's photographs must not be taken for today's.
        return folder / f"{self.label}-four-classes{'-ignore' if unlabelled == 'ignore' else ''}"


def _origin() -> _Origin:
    given = _named_path()
    if given is not None:
        return _Origin(f"{_safe(given.stem)}-{_fingerprint(given)}", str(given), lambda folder: given)
    if os.environ.get("DATA"):
        return _download(*_address(os.environ["DATA"]))
    settings = read_settings()
    if settings.data_url:
        return _download(settings.data_url, settings.data_sha256 or None, optional=True)
    return _SAMPLE


def _first_that_works(use: Callable[[_Origin], Path]) -> Path:
    """What `use` makes of the origin of the data, or else of the sample."""
    origin = _origin()
    try:
        return use(origin)
    except CourseError as error:
        if not origin.optional:
            raise
        print(
            f"{error} Until then, the drawn sample takes the place of the photographs. If this stays so, tell your "
            "instructor, whose course.toml names the address."
        )
        return use(_SAMPLE)


def _build(origin: _Origin, folder: Path, unlabelled: str) -> Path:
    """The four-class set of an origin; one that is damaged, or of another version of the course, is made anew."""
    built = origin.built(folder, unlabelled)
    if not is_whole(built):
        again = (built / MANIFEST).is_file()
        if again:
            print(f"{built} is damaged, or was built by another version of the course: building it again.")
        source = origin.get(folder)
        _make_once(is_whole, built, lambda: build_subset(source, built, unlabelled=unlabelled, overwrite=again))
    return built


def _readable(source: Path) -> Path:
    """The same, if it is ADE20K."""
    open_source(source).close()
    return source


def _draw_sample(folder: Path) -> Path:
    sample = folder / "sample"
    _make_once(lambda path: (path / "objectInfo150.txt").is_file(), sample, lambda: make_sample(sample))
    return sample


_SAMPLE = _Origin("sample", "the drawn sample", _draw_sample)


def _download(url: str, sha256: str | None, *, optional: bool = False) -> _Origin:
    name = Path(urlsplit(url).path).name or "data.zip"
    label = f"{_safe(Path(name).stem)}-{hashlib.sha256(f'{url} {sha256}'.encode()).hexdigest()[:8]}"

    def get(folder: Path) -> Path:
        # who is offline shall not wait long for the sample
        return download(url, folder / f"{label}{Path(name).suffix}", checksum=sha256, attempts=2 if optional else 5)

    return _Origin(label, url, get, optional)


def _address(value: str) -> tuple[str, str | None]:
    """(URL, sha256 or None) of URL or URL#sha256=HEX"""
    url, fragment = urldefrag(value)
    return url, fragment.removeprefix("sha256=") or None


def _named_path() -> Path | None:
    """The path that `DATA` names; None if it is not set or names an address."""
    value = os.environ.get("DATA")
    if not value or re.match(r"[a-z]+://", value, re.IGNORECASE):
        return None
    path = Path(value).expanduser()
    if not path.exists():
        raise CourseError(
            f"The environment variable DATA names {path}, which does not exist: set it to the ADEChallengeData2016 "
            "folder or zip file, or unset it to use the drawn sample."
        )
    return path


def _make_once(finished: Callable[[Path], bool], folder: Path, make: Callable[[], object]) -> None:
    """Call `make` unless `folder` is finished; another process that was faster is as good."""
    if finished(folder):
        return
    try:
        make()
    except CourseError:
        if not finished(folder):
            raise


def _announce(built: Path, what: str) -> Path:
    splits = read_manifest(built)["splits"]
    counts = " and ".join(f"{splits[split]['kept']} {split}" for split in SPLITS)
    print(f"Data: {counts} images from {what}, in {built}")
    return built


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def _fingerprint(path: Path) -> str:
    """Eight characters for the place `path`, and for its time of change if it is a file."""
    place = path.resolve()
    changed = place.stat().st_mtime_ns if place.is_file() else ""
    return hashlib.sha256(f"{place}{changed}".encode()).hexdigest()[:8]
