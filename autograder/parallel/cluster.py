"""Grading on other machines: the workers of a dask.distributed cluster, which the course trusts."""

from concurrent.futures import CancelledError, Future
from dataclasses import replace

from autograder.parallel import job as jobs
from autograder.parallel.job import Graded, Job
from segkit.errors import CourseError

CONNECT_SECONDS = 20


class ClusterGraders:
    """The workers of a cluster, each of which grades one notebook at a time. Use it as a context manager.

    A worker that is lost is no loss: the scheduler gives its notebooks to another.

    Args:
        address: of the scheduler, for example `tcp://10.0.0.5:8786`.

    Raises:
        CourseError: if it cannot be reached, or has no workers.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def __enter__(self) -> "ClusterGraders":
        from distributed import Client  # takes a second to import, and most courses never need it

        try:
            self._client = Client(self._address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError, TypeError) as error:
            raise CourseError(
                f"Nothing was graded: there is no dask.distributed scheduler at {self._address} ({error}). Start one "
                "(`dask scheduler`) and its workers, or leave the option out to grade on this machine."
            ) from None
        if self.count == 0:
            self._client.close()
            raise CourseError(
                f"Nothing was graded: the scheduler at {self._address} has no workers. Start some "
                f"(`dask worker {self._address} --nthreads 1`), or leave the option out to grade on this machine."
            )
        self._executor = self._client.get_executor(pure=False)
        return self

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown(wait=False)
        self._client.close()

    @property
    def count(self) -> int:
        """Notebooks that the cluster grades at a time; workers come and go."""
        return sum(self._client.nthreads().values())

    def submit(self, job: Job) -> "Future[Graded]":
        """Grade a notebook as soon as a worker is free. What is kept is kept at home."""
        promised: Future[Graded] = Future()

        def end(attempt: Future) -> None:
            error = CancelledError("it was cancelled") if attempt.cancelled() else attempt.exception()
            if error is None:
                promised.set_result(attempt.result())
            elif isinstance(error, CourseError):
                promised.set_exception(error)
            else:
                promised.set_exception(
                    CourseError(
                        f"The cluster at {self._address} gave no verdict on {job.notebook} of one submission "
                        f"({type(error).__name__}: {error}). Look at its workers' logs, and grade again: what was "
                        "graded is kept."
                    )
                )

        away = replace(job, settings=replace(job.settings, kept=None))
        self._executor.submit(jobs.grade, away).add_done_callback(end)
        return promised
