"""A class graded by one process, by two, by a cluster, and by what is killed half-way: always the same gradebook."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import dask
import nbformat
import psutil
import pytest
from distributed import LocalCluster
from intro_course import (
    ASSIGNMENT,
    BIASED,
    LAYERLESS,
    NOTEBOOK,
    ORDER,
    autograde,
    autograde_command,
    environment,
    gradebook_contents,
    hand_in,
    open_intro,
)

from autograder.grading.notebook import Settings, verdict_basis
from autograder.grading.turns import Turns
from autograder.grading.verdicts import Verdict, content_key
from autograder.parallel.ahead import GradingAhead, Upcoming
from autograder.parallel.cluster import ClusterGraders
from autograder.parallel.job import Graded, Job, grade
from autograder.parallel.local import LocalGraders
from autograder.reference import reference_cells
from autograder.sandbox import Limits, NoSandbox
from autograder.sandbox.limits import cpu_seconds
from autograder.triage import read_released, triage_submission
from segkit.errors import CourseError
from segkit.student import Cell

CLASS = {f"s{number}{'x' * len(mistakes)}": mistakes for number, mistakes in enumerate([
    [], [ORDER], [BIASED], [LAYERLESS], [ORDER, BIASED], [BIASED, LAYERLESS], [ORDER, BIASED, LAYERLESS], [],
])}  # fmt: skip
SLEEPER = "s0"  # its notebook takes long to load, so that something can be killed meanwhile
SECRET = "the secret of these courses\n"


def new_course(folder):
    course = open_intro(folder / "course", CLASS)
    (course.root / ".course_secret").write_text(SECRET)
    path = course.root / "submitted" / SLEEPER / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    stub = next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution"))
    stub.source += "\nimport time\nWAITED = time.sleep(4)"
    nbformat.write(notebook, path)
    return course


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The gradebook and the verdicts after one process has graded everything."""
    course = new_course(tmp_path_factory.mktemp("one"))
    run = autograde(course, "--GradeInWorker.jobs=1")
    assert run.returncode == 0, run.stderr
    return gradebook_contents(course), verdicts(course)


def verdicts(course) -> dict[str, dict]:
    """Of each student what was found, without the time it took."""
    found = {}
    for path in sorted((course.root / "verdicts" / ASSIGNMENT).glob(f"*/{NOTEBOOK}.json")):
        record = json.loads(path.read_text())
        record["seconds"] = None
        for task in record["tasks"].values():
            for finding in task["findings"]:
                finding["seconds"] = None
        found[path.parent.name] = record
    return found


def graded_once(run: subprocess.CompletedProcess) -> bool:
    return f"{len(CLASS)} submissions graded in this run" in run.stderr


def test_two_processes_find_what_one_finds(tmp_path, expected):
    course = new_course(tmp_path)
    run = autograde(course, "--GradeInWorker.jobs=2")
    assert run.returncode == 0 and graded_once(run), run.stderr
    assert (gradebook_contents(course), verdicts(course)) == expected


def test_a_cluster_finds_what_one_process_finds(tmp_path, expected):
    course = new_course(tmp_path)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        run = autograde(course, f"--GradeInWorker.scheduler={cluster.scheduler_address}")
    assert run.returncode == 0 and graded_once(run), run.stderr
    assert (gradebook_contents(course), verdicts(course)) == expected


def while_it_grades(course, *options: str) -> subprocess.Popen:
    """A run in the background that has reached the notebook that takes long."""
    run = subprocess.Popen(
        autograde_command(*options), cwd=course.root, env=environment(), stderr=subprocess.PIPE, text=True
    )
    while not working(run):
        assert run.poll() is None, run.stderr.read()
        time.sleep(0.1)
    time.sleep(0.5)
    return run


def command_lines(processes: list[psutil.Process]) -> list[tuple[psutil.Process, str]]:
    """Those that still run, each with its command line; one that ends meanwhile has none."""
    found = []
    for process in processes:
        try:
            found.append((process, " ".join(process.cmdline())))
        except psutil.NoSuchProcess:
            continue
    return found


def graders(run: subprocess.Popen) -> list[psutil.Process]:
    """Its grading processes: the forks of nbgrader itself."""
    children = psutil.Process(run.pid).children()
    return [child for child, command in command_lines(children) if "nbgrader" in command]


def working(run: subprocess.Popen) -> bool:
    """Whether a notebook is being graded: the forking process has forked."""
    children = psutil.Process(run.pid).children(recursive=True)
    return sum("forking.py" in command for _, command in command_lines(children)) > 3


def test_a_grading_process_that_is_killed_loses_nothing(tmp_path, expected):
    course = new_course(tmp_path)
    run = while_it_grades(course, "--GradeInWorker.jobs=2")
    killed = graders(run)
    assert len(killed) == 2
    for grader in killed:
        grader.kill()
    _, said = run.communicate(timeout=120)
    assert run.returncode == 0 and f"{len(CLASS)} submissions graded" in said, said
    assert (gradebook_contents(course), verdicts(course)) == expected


def test_a_grader_that_is_killed_leaves_no_process_and_the_next_run_goes_on(tmp_path, expected):
    course = new_course(tmp_path)
    run = while_it_grades(course, "--GradeInWorker.jobs=2")
    processes = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.communicate()
    _, left = psutil.wait_procs(processes, timeout=30)
    assert processes and not [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
    again = autograde(course, "--GradeInWorker.jobs=2")
    assert again.returncode == 0, again.stderr
    assert (gradebook_contents(course), verdicts(course)) == expected


def test_a_worker_of_the_cluster_that_is_killed_loses_nothing(tmp_path, expected):
    course = new_course(tmp_path)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]
        run = subprocess.Popen(
            autograde_command(f"--GradeInWorker.scheduler={cluster.scheduler_address}"),
            cwd=course.root, env=environment(), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while not (busy := [pid for pid in pids if psutil.Process(pid).children()]):
            assert run.poll() is None, run.stderr.read()
            time.sleep(0.1)
        os.kill(busy[0], signal.SIGKILL)
        _, said = run.communicate(timeout=180)
    assert run.returncode == 0 and f"{len(CLASS)} submissions graded" in said, said
    assert (gradebook_contents(course), verdicts(course)) == expected


def test_ctrl_c_ends_a_run_with_a_sentence_and_without_processes(tmp_path):
    course = new_course(tmp_path)
    run = while_it_grades(course, "--GradeInWorker.jobs=2")
    processes = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert "autograder: interrupted; what was finished is kept" in said and "Traceback" not in said
    _, left = psutil.wait_procs(processes, timeout=30)
    assert not command_lines(left)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "127.0.0.1:notaport"])
def test_a_scheduler_that_is_not_there_is_a_sentence(monkeypatch, address):
    monkeypatch.setattr("autograder.parallel.cluster.CONNECT_SECONDS", 1)
    with pytest.raises(CourseError, match="Nothing was graded: there is no"):
        ClusterGraders(address).__enter__()


def test_a_cluster_without_workers_is_a_sentence():
    with LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        refused = pytest.raises(CourseError, match="has no workers")
        with refused, ClusterGraders(cluster.scheduler_address):
            pass


def intro_job(**changes) -> Job:
    cells, settings = reference_cells(ASSIGNMENT), Settings(b"secret", sandbox=NoSandbox())
    job = Job(ASSIGNMENT, NOTEBOOK, cells, settings, verdict_basis(ASSIGNMENT, content_key(cells), settings), {})
    return replace(job, **changes)


def test_a_machine_with_another_course_is_refused():
    job = intro_job()
    with pytest.raises(
        CourseError, match=r"would grade with another course than this machine \(engine, versions differ"
    ):
        grade(replace(job, basis=replace(job.basis, engine="other", versions={})))


def test_a_process_that_is_lost_again_and_again_is_a_sentence():
    ending = intro_job(cells={NOTEBOOK: [Cell(1, ENDING)]})
    ending = replace(ending, basis=verdict_basis(ASSIGNMENT, content_key(ending.cells), ending.settings))
    with LocalGraders(1, "cpu", sandboxed=False) as own, pytest.raises(CourseError, match=r"3 processes .* were lost"):
        own.submit(ending).result(timeout=120)


ENDING = "import os, signal\nX = os.kill(os.getppid(), signal.SIGKILL)"


def test_a_cluster_that_loses_a_worker_for_each_try_says_so():
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    job = intro_job(cells={NOTEBOOK: [Cell(1, ENDING)]})
    job = replace(job, basis=verdict_basis(ASSIGNMENT, content_key(job.cells), job.settings))
    refused = pytest.raises(CourseError, match="gave no verdict on 01_warmup of one submission")
    with cluster, ClusterGraders(cluster.scheduler_address) as away, refused:
        away.submit(job).result(timeout=120)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_turns_are_not_taken_in_a_folder_of_somebody_else(tmp_path):
    Turns(tmp_path / "own")
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, 12345)
    (tmp_path / "link").symlink_to(tmp_path / "own")
    for name in ("theirs", "link"):
        with pytest.raises(CourseError, match="by which graders take turns, is not yours"):
            Turns(tmp_path / name)


# --- ahead ----------------------------------------------------------------------------------------------------------


class Recording:
    """Graders that grade nothing: whoever asks decides when a job is done."""

    def __init__(self, count: int = 1) -> None:
        self.count, self.asked = count, []

    def submit(self, job: Job) -> Future:
        future: Future = Future()
        self.asked.append((job, future))
        return future

    def finish(self) -> None:
        for job, future in self.asked:
            if not future.done():
                verdict = Verdict(job.assignment, job.notebook, content_key(job.cells), job.basis, {}, [])
                future.set_result(Graded(verdict, {"problems": [], "findings": {}}, [], 0.0, "here"))


@pytest.fixture
def ahead(tmp_path):
    """A class of copies of two submissions, and graders that wait."""
    course = open_intro(tmp_path / "course", {})
    upcoming = []
    for number in range(20):
        hand_in(course, f"s{number:02d}", [ORDER] if number % 2 else [])
        upcoming.append(
            Upcoming(f"s{number:02d}", course.root / "submitted" / f"s{number:02d}" / ASSIGNMENT, (NOTEBOOK,))
        )
    released, graders = read_released(course.root / "notebooks" / ASSIGNMENT), Recording()
    read = []

    def triage(folder):
        read.append(folder)
        return triage_submission(folder, released)

    settings = Settings(b"secret", sandbox=NoSandbox(), kept=tmp_path / "kept")
    return GradingAhead(ASSIGNMENT, upcoming, triage, settings, graders, graders), upcoming, graders, read


def test_what_is_the_same_is_graded_once(ahead):
    grading, upcoming, graders, read = ahead
    found = []
    for one in upcoming:
        submission = grading.submission(one.student, one.folder)
        graders.finish()
        found.append(grading.verdict(one.student, submission, NOTEBOOK))
    assert len(graders.asked) == 2 and len(found) == grading.graded == 20
    assert len(read) == 20, "everything that was handed in is read once"


def test_a_notebook_that_cannot_be_read_counts_as_done(ahead):
    grading, upcoming, _, _ = ahead
    (upcoming[0].folder / f"{NOTEBOOK}.ipynb").unlink()
    submission = grading.submission(upcoming[0].student, upcoming[0].folder)
    assert grading.verdict(upcoming[0].student, submission, NOTEBOOK).verdict.unreadable
    assert grading.graded == 1


def test_only_as_much_is_read_ahead_as_graders_need(ahead, monkeypatch):
    monkeypatch.setattr("autograder.parallel.ahead.WAITING_PER_GRADER", 2)
    grading, upcoming, graders, read = ahead
    grading.submission(upcoming[0].student, upcoming[0].folder)
    assert len(graders.asked) == 2 and len(read) == 2


def test_what_is_too_large_to_be_held_is_read_again(ahead, monkeypatch):
    monkeypatch.setattr("autograder.parallel.ahead.HELD", 0)
    grading, upcoming, graders, read = ahead
    one = upcoming[0]
    submission = grading.submission(one.student, one.folder)
    graders.finish()
    assert grading.verdict(one.student, submission, NOTEBOOK).where == "here"
    assert read.count(one.folder) == 2 and not grading._read


def test_nothing_is_held_once_it_is_recorded(ahead):
    grading, upcoming, graders, _ = ahead
    for one in upcoming:
        grading.submission(one.student, one.folder)
        graders.finish()
    assert not grading._read and not grading._sizes


# --- turns ----------------------------------------------------------------------------------------------------------


def is_locked(file: Path) -> bool:
    with file.open("a") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_others_wait_for_one_that_is_alone_and_it_for_them(tmp_path):
    said, inside = [], threading.Event()

    def alone() -> None:
        with Turns(tmp_path).alone():
            said.append("alone")
            time.sleep(0.3)
            said.append("done")

    def beside() -> None:
        inside.wait()
        with Turns(tmp_path).beside_others():
            said.append("beside")

    with Turns(tmp_path).beside_others(), Turns(tmp_path).beside_others():  # two at a time
        waiting = [threading.Thread(target=alone), threading.Thread(target=beside)]
        waiting[0].start()
        while not is_locked(tmp_path / "gate"):  # until it is the next
            time.sleep(0.01)
        inside.set()
        waiting[1].start()
        time.sleep(0.3)
        said.append("first")
    for thread in waiting:
        thread.join()
    assert said == ["first", "alone", "done", "beside"]


def test_processor_time_is_that_of_a_process_and_its_children_however_long_they_wait():
    child = "import time\nwhile time.process_time() < 0.5:\n    pass\nprint(flush=True)\ninput()"
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])"
    for program, least, most in ((parent, 0.45, 5.0), ("print(flush=True)\ninput()", 0.0, 0.4)):
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with subprocess.Popen([sys.executable, "-S", "-c", program], **pipes) as process:
            process.stdout.readline()
            assert least <= cpu_seconds(process.pid) < most
            process.communicate(b"\n")


IDLE = "import time\ndef image_to_patches(image, patch_size):\n    time.sleep(60)"
BUSY = "def image_to_patches(image, patch_size):\n    while True:\n        pass"


@pytest.mark.parametrize(("source", "tries"), [(IDLE, 2), (BUSY, 1)], ids=["idle", "busy"])
def test_what_others_may_have_caused_is_tried_again_alone(source, tries, monkeypatch):
    turns = []
    if source == BUSY:  # as on a machine that does nothing else: how much of it others take is not in a test's hands
        monkeypatch.setattr("autograder.sandbox.worker.cpu_seconds", lambda root: time.monotonic())
    monkeypatch.setattr(Turns, "alone", lambda self: turns.append("alone") or Turns.beside_others(self))
    cells = {NOTEBOOK: [Cell(1, source)]}
    settings = Settings(b"secret", limits=Limits(test=1.5), sandbox=NoSandbox())
    basis = verdict_basis(ASSIGNMENT, content_key(cells), settings)
    found = grade(Job(ASSIGNMENT, NOTEBOOK, cells, settings, basis, {})).verdict
    assert found.stopped == ["time"] and len(turns) == tries - 1
