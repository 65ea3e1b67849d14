"""What a submission may use, and the watch over it from outside its sandbox."""

import contextlib
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from autograder.sandbox.gpu import gpu_memory

MIB = 2**20
_OWN_MEMORY = re.compile(r"^Rss(?:Anon|Shmem):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Limits:
    """What one notebook of a submission may use.

    Seconds: `load` to execute its cells, `test` to answer one hidden test, `notebook` for everything, `cpu` of
    processor time in one process. Bytes: `memory` of all its processes together, `gpu_memory` of them on GPUs, `file`
    for the largest file it writes, `scratch` for all of its files. `processes` counts threads as well; `open_files` is
    per process.
    """

    load: float = 120.0
    test: float = 30.0
    notebook: float = 600.0
    cpu: float = 900.0
    memory: int = 4096 * MIB
    gpu_memory: int = 8192 * MIB
    processes: int = 64
    open_files: int = 256
    file: int = 64 * MIB
    scratch: int = 64 * MIB


def memory_in_no_process() -> int:
    """Bytes of this machine's anonymous files, shared segments and tmpfs, whether a process maps them or not."""
    return psutil.virtual_memory().shared


@dataclass(frozen=True)
class Exceeded:
    """A limit, `"memory"`, `"gpu memory"` or `"processes"`; `own`: nobody but the submission can have had a part."""

    limit: str
    own: bool = True


def exceeded(root: int, limits: Limits, in_no_process_before: int, *, on_gpu: bool = False) -> Exceeded | None:
    """The limit that the process `root` and all that it started use more than, if there is one.

    Memory is what they have without the files (libraries) that they share with others. Address space does not count:
    torch reserves gigabytes of it that it never touches, and CUDA far more. What they took and let go of without
    giving it back belongs to nobody; it shows in what the whole machine has more of than `in_no_process_before`.
    """
    processes = _tree(root)
    if sum(map(_memory_of, processes)) > limits.memory:
        return Exceeded("memory")
    unseen = memory_in_no_process() - in_no_process_before
    if processes and (unseen > limits.memory or _machine_is_full()):
        return Exceeded("memory", own=False)
    if on_gpu and gpu_memory(processes) > limits.gpu_memory:
        return Exceeded("gpu memory")
    # bubblewrap's own stand beside them
    return Exceeded("processes") if len(processes) > limits.processes + 4 else None


def cpu_seconds(root: int) -> float:
    """Seconds of processor time that the process `root` and all that it started have had."""
    return sum(map(_cpu_of, _tree(root)))


def _tree(root: int) -> list[int]:
    """The process `root` and all that it started.

    The kernel lists the children of each. psutil reads every process of the machine for that, several times a second
    for each notebook that is being graded, and is for kernels without such lists.
    """
    if not _kernel_lists_children():
        return _tree_by_parents(root)
    found = [root] if psutil.pid_exists(root) else []
    for pid in found:
        found += _children(pid)
    return found


@cache
def _kernel_lists_children() -> bool:
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def _children(pid: int) -> list[int]:
    """Those that any thread of a process started and that still are; none of a process that has ended."""
    children: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            children += map(int, (thread / "children").read_text().split())
    return children


def _tree_by_parents(root: int) -> list[int]:
    try:
        return [root, *(child.pid for child in psutil.Process(root).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def _cpu_of(pid: int) -> float:
    try:
        return sum(psutil.Process(pid).cpu_times()[:4])  # with that of children that have ended
    except psutil.NoSuchProcess:
        return 0.0


def _memory_of(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it ended meanwhile
        return 0
    return 1024 * sum(map(int, _OWN_MEMORY.findall(status)))


def _machine_is_full() -> bool:
    """Whether this machine is about to end processes of its own choice."""
    memory = psutil.virtual_memory()
    return memory.available < min(512 * MIB, memory.total // 20)
