"""A real HTTP server on this machine for one file, with the good and bad manners of servers elsewhere."""

import hashlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATH = "/file.zip"


@dataclass
class Manners:
    """How the server behaves; may be changed while it runs.

    Of a tuple of contents or of refusals the first is for the first request, and so on; the last content stays.
    """

    contents: tuple[bytes, ...]
    ranges: bool = True
    etag: str | None = "hash"  # "hash": of the content; None: no ETag is sent; anything else: that one
    last_modified: str | None = None
    obeys_if_range: bool = True
    content_type: str = "application/zip"
    length: str = "known"  # "known": Content-Length, "chunked", "close": the end of the connection is the end
    refusals: tuple[tuple[int, dict] | None, ...] = ()  # (status, headers); None: no refusal
    cut_after: int | None = None  # bytes of the body
    cuts: float = float("inf")  # how many answers are cut or stalled
    stalls: bool = False  # go silent where the connection would be cut
    content_range: str | None = None  # sent in place of the right one, with {start}, {end} and {total}
    surplus: bytes = b""  # sent after the content of an answer 206


@dataclass
class FileServer:
    """Context manager: the server runs in a thread, under `url`, and notes every request for the file.

    `requests` are the headers of the requests; `release()` ends all silences.
    """

    manners: Manners
    requests: list = field(default_factory=list)

    def __enter__(self):
        self.silence = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return self.address(PATH)

    @property
    def ranges(self) -> list[str | None]:
        """The header Range of every request so far."""
        return [headers["Range"] for headers in self.requests]

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def release(self) -> None:
        self.silence.set()


def etag_of(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


@contextmanager
def silent_port() -> Iterator[int]:
    """A port on which nothing listens, and which nobody else on this machine gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.close_connection = True
        if self.path.startswith("/moved"):
            return self._send_head(302, {"Location": PATH, "Content-Length": "0"})
        if self.path.partition("?")[0] != PATH:
            return self._send_head(404, {"Content-Length": "0"})
        owner = self.server.owner
        turn = len(owner.requests)
        owner.requests.append(self.headers)
        refusal = owner.manners.refusals[turn] if turn < len(owner.manners.refusals) else None
        if refusal is not None:
            return self._send_head(refusal[0], {"Content-Length": "0"} | refusal[1])
        content = owner.manners.contents[min(turn, len(owner.manners.contents) - 1)]
        return self._send_file(content, owner.manners)

    def _send_file(self, content: bytes, manners: Manners) -> None:
        etag = etag_of(content) if manners.etag == "hash" else manners.etag
        headers = {"ETag": etag, "Last-Modified": manners.last_modified, "Content-Type": manners.content_type}
        headers = {name: value for name, value in headers.items() if value}
        start = self._start(manners, etag)
        if start is None:
            return self._send_body(200, headers, content, manners)
        if start >= len(content):
            return self._send_head(416, headers | {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
        template = manners.content_range or "bytes {start}-{end}/{total}"
        headers["Content-Range"] = template.format(start=start, end=len(content) - 1, total=len(content))
        return self._send_body(206, headers, content[start:] + manners.surplus, manners)

    def _start(self, manners: Manners, etag: str | None) -> int | None:
        """Where the bytes that are asked for begin; None: everything is to be sent."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        condition = self.headers["If-Range"]
        fulfilled = condition in (None, etag, manners.last_modified) or not manners.obeys_if_range
        return int(asked[1]) if asked and manners.ranges and fulfilled else None

    def _send_body(self, status: int, headers: dict, body: bytes, manners: Manners) -> None:
        chunked = manners.length == "chunked"
        length = {"known": {"Content-Length": str(len(body))}, "chunked": {"Transfer-Encoding": "chunked"}, "close": {}}
        self._send_head(status, headers | length[manners.length])
        if manners.cut_after is None or manners.cuts <= 0:
            self._write(body, chunked)
            return self._write(b"", chunked)
        manners.cuts -= 1
        self._write(body[: manners.cut_after], chunked)
        if manners.stalls:
            self.server.owner.silence.wait(30)
            self._write(body[manners.cut_after :], chunked)
            self._write(b"", chunked)
        return None

    def _write(self, piece: bytes, chunked: bool) -> None:
        """One piece of a body; b"" ends a chunked one."""
        with suppress(OSError):  # the client may have gone
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)

    def _send_head(self, status: int, headers: dict) -> None:
        self.send_response(status)
        for name, value in (headers | {"Connection": "close"}).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments):
        """Nothing is printed."""
