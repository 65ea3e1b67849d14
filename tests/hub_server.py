"""What huggingface_hub asks of the hub for one file, on this machine: its head, then its bytes or a part of them."""

import hashlib
import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class HubServer:
    """Context manager: serves `files`, contents by repository and name, under `url`.

    `asked` are the requests so far, as method, path and the header Range. `cuts` answers are cut after half of what
    was to come; `status` is answered in place of everything, if it is given.
    """

    files: dict[tuple[str, str], bytes]
    cuts: int = 0
    status: int | None = None
    asked: list = field(default_factory=list)

    def __enter__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        self.close_connection = True
        owner = self.server.owner
        owner.asked.append((self.command, self.path, self.headers["Range"]))
        place = re.fullmatch(r"/([\w.-]+/[\w.-]+)/resolve/(?:main|[0-9a-f]{40})/([\w.-]+)", self.path)
        repositories = {repository for repository, _ in owner.files}
        if owner.status is not None:
            return self._send(owner.status, {"Content-Length": "0"})
        if not place or place[1] not in repositories:
            return self._send(404, {"X-Error-Code": "RepoNotFound", "Content-Length": "0"})
        if (place[1], place[2]) not in owner.files:
            return self._send(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT, "Content-Length": "0"})
        return self._send_file(owner.files[place[1], place[2]], with_body)

    def _send_file(self, content: bytes, with_body: bool) -> None:
        part = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        start = int(part[1]) if part else 0
        headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        headers["Content-Length"] = str(len(content) - start)
        if part:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send(206 if part else 200, headers)
        if not with_body:
            return
        owner, body = self.server.owner, content[start:]
        if owner.cuts > 0:
            owner.cuts -= 1
            body = body[: len(body) // 2]
        with suppress(OSError):  # the client may have gone
            self.wfile.write(body)

    def _send(self, status: int, headers: dict) -> None:
        self.send_response(status)
        for name, value in (headers | {"Connection": "close"}).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments):
        """Nothing is printed."""
