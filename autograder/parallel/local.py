"""Grading processes on this machine: forked from the one that records, which has imported everything already."""

import contextlib
import ctypes
import gc
import multiprocessing
import signal
import threading
from concurrent.futures import Future
from importlib import import_module

from pebble import ProcessExpired, ProcessPool

from autograder.parallel import job as jobs
from autograder.parallel.job import Graded, Job
from autograder.sandbox.warm import WarmBubblewrap
from segkit.errors import CourseError

ATTEMPTS = 3
USED_BY_ALL = "segkit.datasets"  # with all of torchvision; imported while the sandbox warms up, and once for all
PR_SET_PDEATHSIG = 1


class LocalGraders:
    """So many processes that grade one notebook each at a time, made when they are first needed.

    Use it as a context manager. A process that is lost (the system killed it, say) is replaced, and its notebook is
    graded again.

    Args:
        count: of processes.
        device: where students' code computes.
        sandboxed: whether their code runs in a sandbox, which is then warmed up for all processes.
    """

    def __init__(self, count: int, device: str, *, sandboxed: bool = True) -> None:
        self.count = count
        self._device, self._sandbox = device, WarmBubblewrap() if sandboxed else None
        self._pool: ProcessPool | None = None

    def __enter__(self) -> "LocalGraders":
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.stop() if any(error) else self._pool.close()
            self._pool.join()
        if self._sandbox is not None:
            self._sandbox.close()

    def begin(self) -> None:
        """Warm up meanwhile: there will be something to grade."""
        if self._sandbox is not None and _can_fork():
            with contextlib.suppress(OSError):  # no bubblewrap: `require_sandbox` has a sentence for that
                self._sandbox.begin(self._device)

    @property
    def cold(self) -> str | None:
        """Why processes for students' code are started one by one and not forked, if they are."""
        return self._sandbox and self._sandbox.cold

    def _started(self) -> ProcessPool:
        if self._pool is None:
            forks = _can_fork()
            if forks:
                import_module(USED_BY_ALL)
                gc.freeze()  # what was imported is there for good: not to be looked through, and copied, each time
                if self._sandbox is not None:
                    self._sandbox.warm_up(self._device)
            self._pool = ProcessPool(
                self.count,
                initializer=_prepare,
                initargs=(self._sandbox if forks else None,),
                context=multiprocessing.get_context("fork" if forks else "spawn"),
            )
        return self._pool

    def submit(self, job: Job) -> "Future[Graded]":
        """Grade a notebook as soon as a process is free."""
        promised: Future[Graded] = Future()
        self._try(job, promised, ATTEMPTS)
        return promised

    def _try(self, job: Job, promised: "Future[Graded]", attempts: int) -> None:
        def end(attempt: Future) -> None:
            if attempt.cancelled():
                promised.cancel()
            elif not isinstance(error := attempt.exception(), ProcessExpired):
                promised.set_exception(error) if error else promised.set_result(attempt.result())
            elif attempts > 1:
                self._try(job, promised, attempts - 1)
            else:
                promised.set_exception(
                    CourseError(
                        f"{ATTEMPTS} processes that graded {job.notebook} of one submission were lost (the last one "
                        f"ended with {error.exitcode}): look whether this machine runs out of memory, and grade again."
                    )
                )

        self._started().schedule(jobs.grade, args=[job]).add_done_callback(end)


def _can_fork() -> bool:
    """A fork shares what is imported. Not beside other threads: what they hold locked would stay so in a fork."""
    return threading.active_count() == 1


def _prepare(sandbox: WarmBubblewrap | None) -> None:
    """End with the process that records, however that ends, and leave Ctrl-C to it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sandbox is not None:
        jobs.use(sandbox)
