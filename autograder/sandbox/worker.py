"""The trusted end of a worker: starts the process that holds a submission's code, asks it, watches it, stops it.

What the process sends is checked before it is believed, and believed to be an answer only. Whatever ends it (a crash,
an exit, a limit) becomes an `AnswerError` in words, and the next question starts a new process.
"""

import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import torch

from autograder.sandbox.bubblewrap import Bubblewrap, Sandbox
from autograder.sandbox.limits import MIB, Limits, cpu_seconds, exceeded, memory_in_no_process
from autograder.sandbox.process import SandboxProcess, no_process
from segkit.checking.candidate import AnswerError, require_answer
from segkit.checking.wire import MAX_REPLY_JSON, WireError, pack, unpack, writable
from segkit.errors import CourseError
from segkit.student import Cell

CHUNK = MIB
WATCH_SECONDS = 0.1
EXIT_SECONDS = 5  # from the end of its answers to its own end
START_SECONDS = 120  # until the greeting: the machine's time, not the submission's
BUSY = 0.5  # of its time: with less processor time than that, a process may have had to wait for others
CUDA_ERROR = "CUDA error"
TIME_SIGNALS = (signal.SIGXCPU,)

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Submission:
    """A notebook to try, with the cells of those it builds on: `cells[main]` is tried."""

    assignment: str
    main: str
    cells: dict[str, list[Cell]]


class Worker:
    """A submission's process, started when it is first asked and again after it ended.

    Use it as a context manager; `perform` is what a `segkit.checking.candidate.Candidate` needs. `doubtful`: it was
    stopped by something that others on this machine may have caused.
    """

    def __init__(
        self,
        submission: Submission,
        *,
        device: str = "cpu",
        limits: Limits | None = None,
        sandbox: Sandbox | None = None,
    ) -> None:
        self.submission, self.device, self.limits = submission, device, limits or Limits()
        self.sandbox = sandbox or Bubblewrap()
        self.problems: list[str] = []
        self.doubtful = False
        self._process: SandboxProcess | None = None
        self._number = 0
        self._spent = self._spent_on_test = 0.0
        self._next_look, self._shared_before = 0.0, 0
        self._first_look: tuple[float, float] | None = None  # in an exchange: when, and processor time until then

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def new_test(self) -> None:
        """From now on the time of another test is counted."""
        self._spent_on_test = 0.0

    def perform(self, request: dict, tensors: Tensors) -> tuple[dict, Tensors]:
        """Ask the worker.

        Raises:
            AnswerError: if it was stopped, and by what.
            CourseError: if its process could not be started; the student's code had no part in that.
        """
        if self._process is None:
            self._require_time()
            self._start()
        self._require_time()
        seconds = self.limits.test - self._spent_on_test
        late = f"it gave no answer within the {self.limits.test:g} seconds that a test has"
        reply, answers = self._timed(request, tensors, seconds, late, test=True)
        if self.device != "cpu" and "error" in reply:
            self._after_error_on_gpu(reply)
        return reply, answers

    def _after_error_on_gpu(self, reply: dict) -> None:
        """Others share the GPU's memory; and after an error of CUDA itself a process can compute nothing more there."""
        self.doubtful |= reply.get("stopped") == "memory"
        if CUDA_ERROR in str(reply["error"]):
            self._stop()

    def _left(self) -> float:
        return self.limits.notebook - self._spent

    def _require_time(self) -> None:
        if self._left() <= 0:
            raise _stopped("time", f"This notebook used up the {self.limits.notebook:g} seconds that it has.")
        if self._spent_on_test >= self.limits.test:
            raise _stopped("time", f"This test used up the {self.limits.test:g} seconds that it has.")

    def _start(self) -> None:
        self._launch()
        cells = {
            name: [{"number": cell.number, "source": cell.source} for cell in cells]
            for name, cells in self.submission.cells.items()
        }
        request = {"do": "load", "main": self.submission.main, "notebooks": cells, "device": self.device}
        late = f"its imports, definitions and assignments took more than {self.limits.load:g} seconds"
        reply, _ = self._timed(request, {}, self.limits.load, late, test=False)
        try:
            require_answer(reply)
        except AnswerError:
            self._stop()
            raise
        problems = reply.get("problems", [])
        self.problems = [str(problem)[:500] for problem in problems[:20]] if isinstance(problems, list) else []

    def _launch(self) -> None:
        """Start the process and wait for its greeting, which it sends before it has seen the student's code."""
        self._shared_before = sys.maxsize  # what others on this machine take meanwhile is not its doing
        self._process = self.sandbox.launch(self.limits, self.device)
        os.set_blocking(self._process.requests.fileno(), False)
        self._number = 0
        try:
            deadline = time.monotonic() + START_SECONDS
            unpack(lambda count: self._read(count, deadline), 0, max_json=MAX_REPLY_JSON)
            self._shared_before = memory_in_no_process()
        except (EOFError, TimeoutError, WireError, AnswerError) as error:
            said = self._process.last_words() or str(error)
            self._stop()
            raise no_process(said or type(error).__name__) from None

    def _timed(self, request: dict, tensors: Tensors, seconds: float, late: str, *, test: bool) -> tuple[dict, Tensors]:
        started, self._first_look = time.monotonic(), None
        if self._left() < seconds:
            seconds, late = self._left(), f"this notebook used up the {self.limits.notebook:g} seconds that it has"
        try:
            return self._exchange(request, tensors, started + seconds)
        except TimeoutError:
            raise _stopped("time", f"Your code was stopped: {late}.") from None
        finally:
            spent = time.monotonic() - started
            self._spent += spent
            self._spent_on_test += spent if test else 0.0

    def _exchange(self, request: dict, tensors: Tensors, deadline: float) -> tuple[dict, Tensors]:
        self._number += 1
        try:
            frame = pack(request, tensors, self._number)
        except WireError as error:  # the notebooks are too large, or a parameter has a name that is no text
            self._stop()
            raise AnswerError(f"Your code could not be tried: {error}.", "request") from None
        try:
            self._refuse_unasked()
            self._write(frame, deadline)
            reply, answers, _ = unpack(lambda count: self._read(count, deadline), self._number, max_json=MAX_REPLY_JSON)
            return writable(reply), answers
        except (EOFError, BrokenPipeError):
            raise self._ended() from None
        except WireError as error:
            self._stop()
            raise _stopped(
                "protocol", f"Your code's process was stopped: it sent something that is not an answer ({error})."
            ) from None
        except BaseException:  # time or a limit, or Ctrl-C in the middle of a frame: the pipes are of no more use
            self._stop()
            raise

    def _refuse_unasked(self) -> None:
        poll = select.poll()
        poll.register(self._process.answers.fileno(), select.POLLIN)
        if poll.poll(0) and self._process.status() is None:
            waiting = os.read(self._process.answers.fileno(), 1)
            if waiting:
                raise WireError("something arrived that nobody had asked for")

    def _write(self, data: bytes, deadline: float) -> None:
        descriptor, view = self._process.requests.fileno(), memoryview(data)
        while view:
            self._wait(descriptor, deadline, select.POLLOUT)
            view = view[os.write(descriptor, view[:CHUNK]) :]

    def _read(self, count: int, deadline: float) -> bytes:
        descriptor, data = self._process.answers.fileno(), bytearray()
        while len(data) < count:
            self._wait(descriptor, deadline, select.POLLIN)
            chunk = os.read(descriptor, min(CHUNK, count - len(data)))
            if not chunk:
                raise EOFError
            data += chunk
        return bytes(data)

    def _wait(self, descriptor: int, deadline: float, event: int) -> None:
        """Wait until the pipe is ready, and look at what the processes use meanwhile."""
        poll = select.poll()
        poll.register(descriptor, event)
        while True:  # also while it is ready again and again: who sends a byte now and then has no more time
            now = time.monotonic()
            if now >= deadline:
                self.doubtful |= self._had_to_wait(now)
                raise TimeoutError
            if now >= self._next_look:
                self._look()
                self._next_look = time.monotonic() + WATCH_SECONDS
            if poll.poll(max(0.0, min(self._next_look, deadline) - time.monotonic()) * 1000):
                return

    def _had_to_wait(self, now: float) -> bool:
        """Whether the processor was, for the greater part of an exchange, somewhere else."""
        since, before = self._first_look or (now, 0.0)
        return cpu_seconds(self._process.pid) - before < BUSY * (now - since)

    def _look(self) -> None:
        if self._first_look is None:
            self._first_look = time.monotonic(), cpu_seconds(self._process.pid)
        on_gpu = self.device.startswith("cuda")
        found = exceeded(self._process.pid, self.limits, self._shared_before, on_gpu=on_gpu)
        if found is None:
            return
        self.doubtful |= not found.own
        if found.limit == "memory":
            text = f"it used more than the {self.limits.memory / MIB:.0f} MiB of memory that it has"
            raise _stopped("memory", f"Your code was stopped: {text}.")
        if found.limit == "gpu memory":
            text = f"it used more than the {self.limits.gpu_memory / MIB:.0f} MiB of a GPU's memory that it has"
            raise _stopped("memory", f"Your code was stopped: {text}.")
        raise _stopped("processes", "Your code was stopped: it started too many processes.")

    def _ended(self) -> AnswerError:
        deadline = time.monotonic() + EXIT_SECONDS
        while (status := self._process.status()) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        lost = self._process.lost
        self._stop()
        if lost:
            self.doubtful = True
            return _stopped("memory", "Your code's process was lost with others on this machine.")
        if status is None:
            return _stopped("protocol", "Your code's process was stopped: it closed the pipe that answers go through.")
        number = max(0, -status)
        if number in TIME_SIGNALS:
            return _stopped("cpu", f"Your code was stopped: it used up {self.limits.cpu:g} seconds of processor time.")
        if number in set(signal.Signals):
            name = signal.Signals(number).name
            return _stopped("crash", f"Your code's process crashed or was killed (signal {number}, {name}).")
        return _stopped("exit", f"Your code ended its own process{f' with status {status}' if status else ''}.")

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None


def require_device(device: str) -> None:
    """Refuse a device that this machine lacks: otherwise every submission would seem to crash.

    Raises:
        CourseError: if nothing can be computed there.
    """
    if device == "cpu":
        return
    # In a process of its own: this one will be forked, and a device that is in use does not survive that.
    command = [sys.executable, "-c", "import sys, torch; torch.zeros(1, device=sys.argv[1])", device]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        reason = (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1]
        raise CourseError(f"Nothing was graded: the device {device!r} cannot be used here ({reason}).")


def _stopped(by: str, sentence: str) -> AnswerError:
    return AnswerError(sentence, by, stopped=by)
