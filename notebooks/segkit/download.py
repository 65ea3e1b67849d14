"""A large file from the network: there whole and checked or not at all, and gone on with after any interruption.

What has arrived stands in `NAME.part` beside the place it is meant for, with `NAME.part.json`, which says which version
of which address it is a part of; the next call asks only for the rest, and never joins two versions.
"""

import errno
import functools
import hashlib
import json
import re
import shutil
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import sleep
from typing import NamedTuple

from tqdm import tqdm

from segkit.errors import CourseError

ADE20K_URL = "http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip"
ADE20K_MD5 = "7328b3957e407ddae1d3cbf487f149ef"

_USER_AGENT = "segformer-course (a teaching course on SegFormer)"
_PIECE = 2**18  # bytes
_FIRST_PAUSE, _LONGEST_PAUSE = 1, 60  # seconds; urllib3 doubles the first one before it is ever used
_BUSY = (408, 429)  # the only answers 4xx that asking again can change


def download(url, path, *, checksum=None, progress=True, attempts=5, timeout=30) -> Path:
    """Fetch `url` into the file `path`, which appears only when it is whole and its checksum is right.

    A file that is there already and right is not fetched again. After an interruption of any kind (Ctrl-C, a killed
    process, a cut connection) the next call goes on where this one stopped, if the server can. A second process that
    wants the same file waits for the first.

    Args:
        url: http or https address.
        path: file to make; its folder is made too.
        checksum: "md5:HEX", "sha256:HEX", or the plain 32 or 64 hexadecimal digits; None checks the length only, and
            takes a file that is there as it is.
        progress: show a bar in bytes.
        attempts: how many times running the server may fail without one new byte.
        timeout: seconds without a byte that count as a failure.

    Raises:
        CourseError: if the address or checksum is malformed, the server refuses or cannot be reached, what it gives
            has another checksum, there is another file at `path`, or `path` cannot be written (disk full, permission).
    """
    wanted = _parse_checksum(checksum)
    if not re.fullmatch(r"https?://[^/\s]\S*", str(url), re.IGNORECASE):
        raise CourseError(f"{url} cannot be downloaded: only addresses that begin with http:// or https:// can.")
    path = Path(path).expanduser()
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with _only_process(path, progress):
                if not path.exists():
                    _fetch(url, path, wanted, progress, attempts, timeout)
                    return path
        return _existing(path, wanted)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CourseError(
                f"The disk is full, so {url} cannot be written to {path}: make room and run this again, which goes on "
                "with what has arrived."
            ) from error
        raise CourseError(f"Cannot download {url} to {path}: {error.strerror or error}.") from error


def checksum_of(path, algorithm: str) -> str:
    """The checksum of a file in lower-case hexadecimal digits; `algorithm` is a name that hashlib knows ("sha256")."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, _hasher(algorithm)).hexdigest()


def _hasher(algorithm: str):
    # Systems under FIPS refuse MD5 unless told that nothing secret depends on it.
    return functools.partial(hashlib.new, algorithm, usedforsecurity=False)


class _Checksum(NamedTuple):
    algorithm: str
    digits: str


def _parse_checksum(checksum) -> _Checksum | None:
    if checksum is None:
        return None
    match = re.fullmatch(r"(?:(md5|sha256):)?([0-9a-f]{32}|[0-9a-f]{64})", str(checksum).strip().lower())
    algorithm = "md5" if match and len(match[2]) == 32 else "sha256"
    if not match or match[1] not in (None, algorithm):
        raise CourseError(
            f"{checksum!r} is not a checksum: give md5: and 32 hexadecimal digits, sha256: and 64, or the digits alone."
        )
    return _Checksum(algorithm, match[2])


def _existing(path: Path, wanted: _Checksum | None) -> Path:
    if not path.is_file():
        raise CourseError(f"{path} is a folder: give the name that the file is to have in it.")
    if wanted and (found := checksum_of(path, wanted.algorithm)) != wanted.digits:
        raise CourseError(
            f"{path} is there already, but is another file ({wanted.algorithm} {found} instead of {wanted.digits}): "
            "remove it or give it another name, then download again."
        )
    return path


@contextmanager
def _only_process(path: Path, progress: bool):
    """Wait until no other process is downloading `path`."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if progress:
            print(f"{path} is being downloaded by another process: waiting for it.", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


# --- what has arrived so far --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Version:
    """What tells one version of a file from another; None is not known."""

    url: str
    etag: str | None
    last_modified: str | None
    total: int | None  # bytes

    @property
    def condition(self) -> str | None:
        """The value for If-Range, which must not be a weak ETag."""
        weak = self.etag is None or self.etag.startswith("W/")
        return self.last_modified if weak else self.etag

    def agrees(self, other: "_Version") -> bool:
        """Whether nothing that is known of both differs."""
        pairs = zip(asdict(self).values(), asdict(other).values(), strict=True)
        return all(mine == theirs or None in (mine, theirs) for mine, theirs in pairs)


class _Part:
    """The part of the file `path` that has arrived."""

    def __init__(self, url: str, path: Path, wanted: _Checksum | None):
        self.path = path
        self.url = url
        self.wanted = wanted
        self.file = path.with_name(f"{path.name}.part")
        self._record = path.with_name(f"{path.name}.part.json")
        self._forget()
        self._pick_up()

    @property
    def complete(self) -> bool:
        """Whether all of it has arrived; of unknown length, whether the server came to an end."""
        total = self.version and self.version.total
        return self._ended if total is None else self.size == total

    @property
    def can_be_continued(self) -> bool:
        # With nothing that tells versions apart, a checksum at least shows when two were joined.
        return self.size > 0 and bool(self.version.condition or self.wanted)

    def begin(self, version: _Version) -> None:
        """Start over with `version`: what is there is thrown away."""
        open(self.file, "wb").close()  # before it is described, so that no record ever stands beside other bytes
        self._forget()
        self._describe(version)

    def go_on(self, total: int | None) -> None:
        """Get ready for more of the same version, whose length may be known only now."""
        self.resumed = True
        if total not in (None, self.version.total):  # a record is not put at risk on a full disk for nothing
            self._describe(replace(self.version, total=total))

    def append(self, pieces, bar: tqdm) -> None:
        """Write pieces of bytes, each to the disk at once, and count them in `bar`."""
        with open(self.file, "ab") as file:
            for piece in pieces:
                file.write(piece)
                file.flush()
                self.size += len(piece)
                if self.wanted:
                    self._digest.update(piece)
                bar.update(len(piece))

    def end(self) -> None:
        """The server has nothing more."""
        self._ended = True

    def discard(self) -> None:
        """Remove what has arrived."""
        self._record.unlink(missing_ok=True)
        self.file.unlink(missing_ok=True)
        self._forget()

    def found(self) -> str | None:
        """Its checksum so far, None if none is wanted."""
        return self._digest.hexdigest() if self.wanted else None

    def is_right(self) -> bool:
        """Whether the checksum is the wanted one."""
        return self.wanted is None or self.found() == self.wanted.digits

    def is_page(self) -> bool:
        """Whether it looks like HTML."""
        with open(self.file, "rb") as file:
            start = file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
        return start.startswith((b"<!doctype html", b"<html", b"<head"))

    def move_into_place(self) -> None:
        """Give the file its name; never onto another file."""
        if self.path.exists():
            raise CourseError(f"{self.path} was made by something else meanwhile: remove it and run this again.")
        self.file.rename(self.path)
        self._record.unlink(missing_ok=True)

    def _forget(self) -> None:
        self.version = None
        self.size = 0
        self.resumed = False
        self._ended = False
        self._digest = _hasher(self.wanted.algorithm)() if self.wanted else None

    def _pick_up(self) -> None:
        """Take over what an earlier call left, unless it is of something else."""
        try:
            version = _Version(**json.loads(self._record.read_text(encoding="utf-8")))
            size = self.file.stat().st_size
            too_long = version.total is not None and size > version.total
        except (FileNotFoundError, TypeError, ValueError):
            return
        if version.url != self.url or too_long:
            return
        self.version, self.size, self.resumed = version, size, True
        if self.wanted:
            with open(self.file, "rb") as file:
                self._digest = hashlib.file_digest(file, _hasher(self.wanted.algorithm))

    def _describe(self, version: _Version) -> None:
        self._record.write_text(json.dumps(asdict(version), indent=2) + "\n", encoding="utf-8")
        self.version = version


# --- the conversation with the server -----------------------------------------------------------------------------


class _FailedAttempt(Exception):
    """Something that may go better next time; `response` is the server's answer if it gave one."""

    def __init__(self, reason: str, response=None):
        super().__init__(reason)
        self.response = response


def _fetch(url: str, path: Path, wanted: _Checksum | None, progress: bool, attempts: int, timeout: float) -> None:
    part = _Part(url, path, wanted)
    look = {"unit": "B", "unit_scale": True, "dynamic_ncols": True, "desc": path.name, "disable": not progress}
    with tqdm(**look, initial=part.size, total=part.version and part.version.total) as bar:
        _complete(part, bar, attempts, timeout)
        if part.resumed and not part.is_right():
            part.discard()  # what an earlier call left may be damaged, or of another version after all
            _complete(part, bar, attempts, timeout)
    if not part.is_right():
        raise _wrong_checksum(part)
    part.move_into_place()


def _complete(part: _Part, bar: tqdm, attempts: int, timeout: float) -> None:
    """Ask the server until the part is complete, or it fails `attempts` times running without one new byte."""
    from urllib3 import Retry
    from urllib3.exceptions import MaxRetryError

    unused = retry = Retry(total=attempts - 1, backoff_factor=_FIRST_PAUSE, backoff_max=_LONGEST_PAUSE)
    furthest = part.size  # bytes that come again after starting over are not new
    while not part.complete:
        try:
            _ask(part, bar, timeout)
        except _FailedAttempt as failure:
            if part.size > furthest:
                retry, furthest = unused, part.size
                continue
            try:
                retry = retry.increment("GET", part.url, error=failure)
            except MaxRetryError:
                raise _given_up(part, failure, attempts) from failure
            pause = _pause(retry, failure.response)
            if pause:
                bar.set_postfix_str(f"{failure}, again in {pause:.0f} s")
            sleep(pause)


def _ask(part: _Part, bar: tqdm, timeout: float) -> None:
    """One request, for what is missing; all it brings goes into the part.

    Raises:
        _FailedAttempt: if another request may bring more.
        CourseError, requests.RequestException: if none will.
    """
    import requests
    from urllib3.exceptions import HTTPError

    headers = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"}
    if part.can_be_continued:
        headers["Range"] = f"bytes={part.size}-"
        if part.version.condition:
            headers["If-Range"] = part.version.condition
    try:
        with requests.get(part.url, headers=headers, stream=True, timeout=timeout) as response:
            _take(response, part, bar)
    except (requests.Timeout, requests.ConnectionError, HTTPError) as error:
        raise _FailedAttempt(_plain_reason(error, timeout)) from error


def _take(response, part: _Part, bar: tqdm) -> None:
    """What the answer's status asks for: go on, start over, try again later, or give up."""
    status = f"{response.status_code} {response.reason or ''}".rstrip()
    asked_for_rest = "Range" in response.request.headers
    if response.status_code == 200:
        _start_over(response, part)
        _store(response, part, bar)
    elif response.status_code == 206 and asked_for_rest and _goes_on(response, part):
        _store(response, part, bar)
    elif response.status_code == 416 and asked_for_rest and _content_range(response) == (None, part.size):
        part.end()
        part.go_on(part.size)
    elif response.status_code in (206, 416) and asked_for_rest:
        part.discard()  # the next request asks for everything
    elif response.status_code in _BUSY or response.status_code >= 500:
        raise _FailedAttempt(f"the server answers {status}", response)
    else:
        raise CourseError(f"Cannot download {part.url}: the server answers {status}; check the address.")


def _start_over(response, part: _Part) -> None:
    is_page = response.headers.get("Content-Type", "").lower().startswith("text/html")
    if is_page and part.size and not part.is_page():
        raise CourseError(
            f"{part.url} gives a page of HTML now in place of the rest of the file: if this network wants you to log "
            f"in, do so in a browser and run this again; what has arrived stays in {part.file}."
        )
    total = response.raw.length_remaining
    _require_room(part, total)
    part.begin(_version(response, part.url, total))


def _goes_on(response, part: _Part) -> bool:
    """Get the part ready for the bytes of a 206, or say that they do not follow on what is there."""
    start, total = _content_range(response)
    if start != part.size or not part.version.agrees(_version(response, part.url, total)):
        return False
    _require_room(part, total)
    part.go_on(total)
    return True


def _store(response, part: _Part, bar: tqdm) -> None:
    if part.size < bar.n:
        bar.reset()
        bar.initial = 0
    bar.total = part.version.total
    bar.set_postfix_str("")
    # read1 gives what is there without waiting for a whole piece, so that a cut connection loses nothing.
    part.append(iter(lambda: response.raw.read1(_PIECE, decode_content=False), b""), bar)
    part.end()
    if part.complete:
        return
    if part.size > part.version.total:
        part.discard()
        raise _FailedAttempt("the server sent more than it had announced")
    raise _FailedAttempt("the connection was cut")


def _version(response, url: str, total: int | None) -> _Version:
    return _Version(url, response.headers.get("ETag"), response.headers.get("Last-Modified"), total)


def _content_range(response) -> tuple[int | None, int | None]:
    """(first byte, length of the whole file) of the header Content-Range; None for what it does not say."""
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", response.headers.get("Content-Range", "").strip())
    return tuple(number and int(number) for number in match.groups()) if match else (None, None)


def _require_room(part: _Part, total: int | None) -> None:
    """Raise CourseError if the disk cannot take what is missing; starting over first frees what the part takes up."""
    free = shutil.disk_usage(part.file.parent).free
    if total is not None and total - part.size > free:
        raise CourseError(
            f"There is no room for {part.url}: it needs {_readable(total - part.size)} more and {part.file.parent} has "
            f"{_readable(free)} free; make room or choose another disk."
        )


def _pause(retry, response) -> float:
    """Seconds to wait: what the server asks for, up to a minute, or else longer each time."""
    from urllib3.exceptions import InvalidHeader

    asked = None
    if response is not None:
        with suppress(InvalidHeader):
            asked = retry.get_retry_after(response.raw)
    return min(retry.get_backoff_time() if asked is None else asked, _LONGEST_PAUSE)


# --- what the reader is told --------------------------------------------------------------------------------------


def _plain_reason(error: Exception, timeout: float) -> str:
    """A few words for the innermost of the errors that requests and urllib3 wrap around each other."""
    import requests
    from urllib3.exceptions import ProtocolError, TimeoutError

    if isinstance(error, (requests.Timeout, TimeoutError)):
        return f"nothing came for {timeout:g} s"
    if isinstance(error, ProtocolError):
        return "the connection was cut"
    while inner := error.__cause__ or error.__context__:
        error = inner
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")


def _given_up(part: _Part, failure: _FailedAttempt, attempts: int) -> CourseError:
    then = f", which goes on after the {_readable(part.size)} that are there" if part.can_be_continued else ""
    return CourseError(
        f"Cannot download {part.url}: {failure} (attempts without a new byte: {attempts}); check the connection and "
        f"run this again{then}."
    )


def _wrong_checksum(part: _Part) -> CourseError:
    """The error for a whole file that is not the wanted one, which is removed."""
    if part.is_page():
        what = "it is a page of HTML in place of the file; if this network wants you to log in, do so in a browser"
    else:
        what = "it was changed by its owner or damaged on its way; try again"
    found = part.found()
    part.discard()
    algorithm, expected = part.wanted
    return CourseError(f"What {part.url} gives has {algorithm} {found} instead of {expected}: {what}.")


def _readable(size: int) -> str:
    return tqdm.format_sizeof(size, "B")
