"""Submissions of a few lines for tests of the process that runs them, and a look at processes from outside."""

import contextlib
import os
import time
from pathlib import Path

import psutil

from autograder.sandbox import Submission, Worker
from segkit.checking.candidate import Candidate
from segkit.student import Cell


def submission(*sources: str, main: str = "02_modules", **others: str) -> Submission:
    """A submission whose notebook `main` has these cells, numbered from 1; `others` are earlier notebooks."""
    cells = {main: [Cell(number, source) for number, source in enumerate(sources, start=1)]}
    return Submission("segformer", main, cells | {name: [Cell(1, source)] for name, source in others.items()})


def ask(worker: Worker) -> Candidate:
    """A candidate in that worker, as a hidden test has it."""
    return Candidate(worker.perform, "segformer")


def descendants() -> set[int]:
    """Process ids of all that this process started, as seen from outside every sandbox."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def open_descriptors() -> set[str]:
    """The files and pipes that this process holds open, by number and name.

    To be compared by `<=`, as `descendants`: what earlier tests left may be collected at any time. Without the three
    standard streams, which pytest redirects and gives back.
    """
    found = set()
    for number in set(os.listdir("/proc/self/fd")) - {"0", "1", "2"}:
        with contextlib.suppress(FileNotFoundError):  # the one by which they were listed
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
    return found


def are_gone(pids: set[int], seconds: float = 30) -> bool:
    """Whether these processes ended within that time; whoever inherited them may be slow to take notice."""
    deadline = time.monotonic() + seconds
    while any(map(_runs, pids)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def process_namespaces(pids: set[int]) -> set[str]:
    """The namespaces of process ids that these have, other than our own: every sandbox makes one."""
    return {_namespace(pid) for pid in pids} - {_namespace(os.getpid()), ""}


def are_empty(namespaces: set[str], seconds: float = 30) -> bool:
    """Whether no process of this machine is left in these namespaces within that time, whoever its parent is now."""
    deadline = time.monotonic() + seconds
    while namespaces & {_namespace(int(path.name)) for path in Path("/proc").glob("[0-9]*")}:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:  # it ended, or is none of our business
        return ""


def commands() -> list[str]:
    """The command lines of all processes of this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it ended meanwhile
            continue
    return found
