"""Grading on a GPU, as far as a machine without one can try it: the driver's counts are made up, the rest is real."""

import sys
from types import SimpleNamespace

import pytest
import torch
from intro_course import ASSIGNMENT, NOTEBOOK, worth

from autograder.grading.notebook import Settings, verdict_basis
from autograder.grading.verdicts import content_key
from autograder.parallel import job as jobs
from autograder.parallel.job import Job, grade
from autograder.reference import reference_cells
from autograder.sandbox import Limits, Worker, gpu, require_device
from autograder.sandbox.limits import MIB
from autograder.sources import AUTOMATIC
from segkit.checking.candidate import AnswerError
from segkit.errors import CourseError
from tests.small_submissions import ask, submission

NO_SUCH_GPU = "cuda:99"
ERRORS = """
import os, time, torch
def no_memory():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
def broken():
    raise RuntimeError("CUDA error: device-side assert triggered")
def wrong():
    raise ValueError("no")
def who():
    return os.getpid(), time.monotonic()
def wait():
    time.sleep(600)
def rounds():
    return torch.backends.cudnn.allow_tf32
"""


@pytest.fixture
def driver(monkeypatch):
    """NVIDIA's library as if there were a GPU, on which processes hold `held` bytes by number."""
    held: dict[int, int] = {}
    fake = SimpleNamespace(
        NVMLError=RuntimeError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: [
            SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in held.items()
        ],
    )
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    gpu._driver.cache_clear(), gpu._handles.cache_clear()
    yield held
    gpu._driver.cache_clear(), gpu._handles.cache_clear()


def job(device: str) -> Job:
    cells = reference_cells(ASSIGNMENT)
    settings = Settings(b"secret", device=device)
    return Job(ASSIGNMENT, NOTEBOOK, cells, settings, verdict_basis(ASSIGNMENT, content_key(cells), settings), {})


@pytest.fixture
def nothing_is_lost(monkeypatch):
    monkeypatch.setattr(jobs, "_lost", set())


def test_where_the_gpu_is_lost_the_cpu_gives_the_same_verdict(nothing_is_lost):
    on_cpu, lost = grade(job("cpu")), grade(job(NO_SUCH_GPU))
    assert {name: task.points for name, task in lost.verdict.tasks.items()} == {
        name: task.points for name, task in on_cpu.verdict.tasks.items()
    }
    assert {name: task.points for name, task in lost.verdict.tasks.items()} == worth(AUTOMATIC)
    assert on_cpu.note is None and lost.note == f"{NOTEBOOK}: graded on the CPU, since {NO_SUCH_GPU} could not be used"
    assert jobs._lost == {NO_SUCH_GPU}
    assert lost.verdict.basis.device == "cpu"


def test_what_has_nothing_to_do_with_the_device_does_not_make_it_lost(nothing_is_lost, monkeypatch):
    monkeypatch.setattr("autograder.parallel.devices._adds", lambda settings: True)
    found = grade(job(NO_SUCH_GPU))  # every test fails, and the device is said to work
    assert found.note is None and not jobs._lost
    assert sum(task.points for task in found.verdict.tasks.values()) == 0


def test_out_of_memory_is_no_wrong_answer_and_may_be_the_doing_of_others():
    with Worker(submission(ERRORS), device="cuda") as worker:
        with pytest.raises(AnswerError) as error:
            ask(worker).call("wrong")
        assert error.value.stopped is None and not worker.doubtful
        with pytest.raises(AnswerError) as error:
            ask(worker).call("no_memory")
        assert error.value.stopped == "memory" and worker.doubtful


def test_after_an_error_of_cuda_itself_the_next_question_meets_a_new_process():
    with Worker(submission(ERRORS), device="cuda") as worker:
        first = ask(worker).call("who").result
        assert ask(worker).call("who").result[0] == first[0]
        process = worker._process
        with pytest.raises(AnswerError, match="device-side assert"):
            ask(worker).call("broken")
        assert worker._process is None and ask(worker).call("who").result and worker._process is not process


def test_convolutions_in_float32_are_not_rounded():
    assert torch.backends.cudnn.allow_tf32, "as torch is"
    with Worker(submission(ERRORS), device="cuda") as worker:
        assert ask(worker).call("rounds").result is False


def test_memory_on_the_gpu_is_watched_from_outside(driver):
    limits = Limits(gpu_memory=100 * MIB, test=20)
    with Worker(submission(ERRORS), device="cuda", limits=limits) as worker:
        ask(worker).call("who")
        driver[1] = 500 * MIB  # somebody else's
        ask(worker).call("who")
        driver[worker._process.pid] = 101 * MIB
        with pytest.raises(AnswerError, match="100 MiB of a GPU's memory") as error:
            ask(worker).call("wait")
        assert (error.value.stopped, error.value.said, worker.doubtful) == ("memory", False, False)


def test_without_a_driver_nothing_is_counted(monkeypatch):
    def refuse():
        raise RuntimeError("no driver")

    monkeypatch.setitem(sys.modules, "pynvml", SimpleNamespace(NVMLError=RuntimeError, nvmlInit=refuse))
    gpu._driver.cache_clear()
    assert gpu.gpu_memory({1, 2}) == 0
    gpu._driver.cache_clear()


def test_a_device_that_is_not_there_is_refused_in_a_sentence():
    require_device("cpu")
    with pytest.raises(CourseError, match="Nothing was graded: the device 'cuda:99' cannot be used here"):
        require_device(NO_SUCH_GPU)
    assert not torch.cuda.is_initialized()  # this process is going to be forked
