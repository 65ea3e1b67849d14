"""Who grades a class: processes of this machine and, if there is one, a cluster."""

import contextlib
from collections.abc import Iterator

from autograder.parallel.ahead import Graders
from autograder.parallel.cluster import ClusterGraders
from autograder.parallel.local import LocalGraders
from segkit.machine import usable_cpus

PER_GPU = 4  # notebooks at a time on one GPU: each of their processes holds some hundred MiB there for CUDA itself


class AllGraders:
    """The graders of a run, `(who, at_home)`. Use it as a context manager.

    Args:
        jobs: processes on this machine; 0: one for each processor, at most `PER_GPU` where a GPU computes.
        device: where students' code computes.
        scheduler: address of a dask.distributed scheduler; empty: this machine grades.
        sandboxed: whether students' code runs in a sandbox.
    """

    def __init__(self, jobs: int, device: str, scheduler: str, *, sandboxed: bool) -> None:
        count = jobs or (usable_cpus() if device == "cpu" else min(usable_cpus(), PER_GPU))
        self._home = LocalGraders(max(1, count), device, sandboxed=sandboxed)
        self._cluster = ClusterGraders(scheduler) if scheduler else None
        self._opened = contextlib.ExitStack()

    def __enter__(self) -> "AllGraders":
        self._opened.enter_context(self._home)
        if self._cluster is not None:
            self._opened.enter_context(self._cluster)
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.__exit__(*error)

    def begin(self) -> None:
        """Get ready meanwhile."""
        self._home.begin()

    def __iter__(self) -> Iterator[Graders]:
        return iter((self._cluster or self._home, self._home))

    def remarks(self) -> list[str]:
        """What whoever grades should know of this run."""
        if self._home.cold is None:
            return []
        return [f"Slower than it could be: processes for submissions could not be forked here ({self._home.cold})."]
