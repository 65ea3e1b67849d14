"""A sandbox that is warm: PyTorch is imported once, behind bubblewrap, and every notebook gets a fork of that process.

The forks are kept apart as processes that are started with bubblewrap are (`inside/isolation.py`): each has namespaces,
folders, limits and, where the grader is root, a user of its own.
"""

import ast
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from autograder.sandbox.bubblewrap import (
    Bubblewrap,
    limits_of_process,
    next_user,
    surroundings,
)
from autograder.sandbox.limits import Limits
from autograder.sandbox.process import ForkedProcess, SandboxProcess, no_process
from autograder.sources import assignments, read_sources, runnable_cells
from segkit.errors import CourseError

INSIDE = Path(__file__).parent / "inside"
PLACE = "/opt/forking"
IMPORT_SECONDS = 120
ALWAYS = ("segkit.checking.worker", "torch.utils.flop_counter")


class _Forker:
    """The process that waits with everything imported, and our end of the socket that it gets its orders from."""

    def __init__(self, device: str) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ready = False
        with theirs, contextlib.ExitStack() as opened:
            program = [opened.enter_context(path.open("rb")) for path in sorted(INSIDE.glob("*.py"))]
            self.process = subprocess.Popen(
                _command(device, theirs.fileno(), {Path(file.name).name: file.fileno() for file in program}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=Bubblewrap().environment("/"),
                pass_fds=[theirs.fileno(), *(file.fileno() for file in program)],
                start_new_session=True,
            )

    @property
    def control(self) -> socket.socket:
        """That end, as soon as everything is imported.

        Raises:
            CourseError: if it cannot be.
        """
        if not self._ready:
            if self._greeting()["threads"] != 1:
                raise no_process("a library starts threads when it is imported, and these do not survive a fork")
            self._ready = True
        return self._control

    def _greeting(self) -> dict:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        text = self._control.recv(1 << 16) if poll.poll(IMPORT_SECONDS * 1000) else b""
        if not text:
            os.set_blocking(self.process.stderr.fileno(), False)
            said = (self.process.stderr.read(4096) or b"").decode(errors="replace").strip().splitlines()
            raise no_process((said or ["it said nothing"])[-1])
        return json.loads(text)

    def stop(self) -> None:
        """End it, and with it every process that it forked."""
        self._control.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.stderr.close()
        self.process.wait()


@dataclass
class WarmBubblewrap:
    """As `Bubblewrap`, many times faster to start. Use it as a context manager, or call `close`.

    Where forks cannot be isolated, it starts every process with the interpreter, as `Bubblewrap` does; `cold` says why.
    """

    name: str = "bubblewrap"
    cold: str | None = None
    _forkers: dict[str, _Forker] = field(default_factory=dict, repr=False)  # by device

    def __enter__(self) -> "WarmBubblewrap":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, device: str) -> None:
        """Let it import everything meanwhile."""
        self._forker(device)

    def warm_up(self, device: str) -> None:
        """Wait until everything is imported, and see whether a fork can be isolated."""
        self.launch(Limits(), device).kill()

    def launch(self, limits: Limits, device: str) -> SandboxProcess:
        """A fork of the process that waits; if that is gone, of a new one."""
        order = {
            "user": next_user() if os.geteuid() == 0 else None,
            "limits": limits_of_process(limits, device),
            "scratch": limits.scratch,
        }
        for _ in range(2 if self.cold is None else 0):
            try:
                return ForkedProcess(order, self._forker(device).control)
            except (OSError, CourseError) as error:
                self.close()
                reason = str(error)
        self.cold = self.cold or reason
        return Bubblewrap().launch(limits, device)

    def close(self) -> None:
        """End what waits, and all of its forks."""
        while self._forkers:
            self._forkers.popitem()[1].stop()

    def _forker(self, device: str) -> _Forker:
        if device not in self._forkers:
            self._forkers[device] = _Forker(device)
        return self._forkers[device]


def _command(device: str, control: int, program: dict[str, int]) -> list[str]:
    """bwrap with the privileges that making namespaces takes, which the forks give up.

    Args:
        control: the descriptor of the socket.
        program: descriptors of its files, which are copied: a mount would tell where the course lies.
    """
    keep = ("CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
    root = ["--cap-drop", "ALL", *(option for name in keep for option in ("--cap-add", name))]
    files = ["--perms", "0755", "--dir", PLACE]
    for name, descriptor in program.items():
        files += ["--perms", "0444", "--file", str(descriptor), f"{PLACE}/{name}"]
    return [
        shutil.which("bwrap") or "bwrap",
        *(root if os.geteuid() == 0 else ["--unshare-user"]),
        *surroundings(Limits(), device, tuple(files)),
        *("--", sys.executable, "-s", f"{PLACE}/forking.py", str(control), *worth_importing()),
    ]


@cache
def worth_importing() -> list[str]:
    """The modules that the notebooks' own cells import, and what answering takes."""
    found = dict.fromkeys(ALWAYS)
    for assignment in assignments():
        for source in read_sources(assignment):
            for cell in runnable_cells(source):
                found |= dict.fromkeys(_imports(cell.source))
    return list(found)


def _imports(source: str) -> list[str]:
    nodes = list(ast.walk(ast.parse(source)))
    named = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return named + [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
