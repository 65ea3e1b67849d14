"""The trusted end of a worker: starts the process that holds a submission's code, asks it, stops it.

The process gets no terminal, an empty folder to work in and a bare environment; what it sends is checked before it is
believed. Whatever ends it (a crash, an exit, a time-out) becomes an answer in words and the next question starts a
new process.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import torch

from autograder.paths import NOTEBOOKS
from segkit.checking.wire import WireError, pack, unpack
from segkit.errors import CourseError
from segkit.student import Cell

CHUNK = 2**20
KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")


@dataclass(frozen=True)
class Limits:
    """Seconds a submission may take: to load its cells, for one question, and for a whole notebook."""

    load: float = 120.0
    request: float = 30.0
    notebook: float = 600.0


@dataclass(frozen=True)
class Submission:
    """A notebook to try, with the cells of those it builds on: `cells[main]` is tried."""

    assignment: str
    main: str
    cells: dict[str, list[Cell]]


class Worker:
    """A submission's process, started when it is first asked and again after it ended.

    Use it as a context manager; `perform` is what a `segkit.checking.candidate.Candidate` needs.
    """

    def __init__(self, submission: Submission, *, device: str = "cpu", limits: Limits | None = None) -> None:
        self.submission, self.device, self.limits = submission, device, limits or Limits()
        self.problems: list[str] = []
        self._process: subprocess.Popen | None = None
        self._folder: str | None = None
        self._spent = 0.0

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def perform(self, request: dict, tensors: dict[str, torch.Tensor]) -> tuple[dict, dict[str, torch.Tensor]]:
        """Ask the worker. What goes wrong on its side comes back as `{"error": sentence, "kind": ...}`."""
        if self._spent > self.limits.notebook:
            return _stopped("time", f"This notebook used up the {self.limits.notebook:.0f} seconds that it has.")
        if self._process is None:
            reply = self._start()
            if "error" in reply:
                return reply, {}
        return self._exchange(request, tensors, self.limits.request)

    def _start(self) -> dict:
        self._folder = tempfile.mkdtemp(prefix="submission-")
        environment = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
        environment |= {"PYTHONPATH": str(NOTEBOOKS), "OMP_NUM_THREADS": "1", "HOME": self._folder}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "segkit.checking.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env=environment,
            start_new_session=True,
        )
        os.set_blocking(self._process.stdin.fileno(), False)
        cells = {
            name: [{"number": cell.number, "source": cell.source} for cell in cells]
            for name, cells in self.submission.cells.items()
        }
        request = {"do": "load", "main": self.submission.main, "notebooks": cells, "device": self.device}
        reply, _ = self._exchange(request, {}, self.limits.load)
        problems = reply.get("problems", [])
        self.problems = [str(problem)[:500] for problem in problems[:20]] if isinstance(problems, list) else []
        return reply

    def _exchange(self, request: dict, tensors: dict, seconds: float) -> tuple[dict, dict[str, torch.Tensor]]:
        started, frame = time.monotonic(), pack(request, tensors)
        deadline = started + seconds
        try:
            self._write(frame, deadline)
            return unpack(lambda count: self._read(count, deadline))
        except TimeoutError:
            self._stop()
            return _stopped("time", f"Your code was stopped: it gave no answer within {seconds:.0f} seconds.")
        except (EOFError, BrokenPipeError):
            return self._ended()
        except WireError as error:
            self._stop()
            return _stopped("protocol", f"Your code's process sent something that is not an answer: {error}.")
        finally:
            self._spent += time.monotonic() - started

    def _write(self, data: bytes, deadline: float) -> None:
        descriptor, view = self._process.stdin.fileno(), memoryview(data)
        while view:
            _wait(descriptor, deadline, write=True)
            view = view[os.write(descriptor, view[:CHUNK]) :]

    def _read(self, count: int, deadline: float) -> bytes:
        descriptor, data = self._process.stdout.fileno(), bytearray()
        while len(data) < count:
            _wait(descriptor, deadline, write=False)
            chunk = os.read(descriptor, min(CHUNK, count - len(data)))
            if not chunk:
                raise EOFError
            data += chunk
        return bytes(data)

    def _ended(self) -> tuple[dict, dict]:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            status = None
        self._stop()
        if status is not None and status < 0:
            return _stopped("crash", f"Your code's process was ended by signal {-status}.")
        return _stopped("exit", f"Your code ended its own process{f' with status {status}' if status else ''}.")

    def _stop(self) -> None:
        if self._process is not None:
            # The whole session: what the student's code has started must not outlive it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            for pipe in (self._process.stdin, self._process.stdout):
                pipe.close()
            self._process.wait()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _wait(descriptor: int, deadline: float, *, write: bool) -> None:
    left = deadline - time.monotonic()
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT if write else select.POLLIN)
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError


def require_device(device: str) -> None:
    """Refuse a device that this machine lacks: otherwise every submission would seem to crash.

    Raises:
        CourseError: if nothing can be computed there.
    """
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CourseError(f"Nothing was graded: the device {device!r} cannot be used here ({reason}).") from None


def _stopped(kind: str, sentence: str) -> tuple[dict, dict]:
    return {"error": sentence, "kind": kind}, {}
