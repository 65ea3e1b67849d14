"""How fast is a class graded? Against stock nbgrader on the same machine, by one process and by several.

`python benchmarks/grading.py [--students 60] [--stock 6] [--jobs 1 2] [--growth 20 300]`

Makes up a class of varied submissions (`varied_class.py`) and grades it with all hidden tests, nothing kept from
before; of the first `--stock` submissions, nbgrader by itself runs the same cells without any test
(`stock_nbgrader.py`): its time grows with the number of notebooks. Then larger classes with the last number of jobs.

`--cluster 1000` grades so many on two dask workers of this machine instead. `--device cuda` computes on a GPU.

Prints tables, then one line of JSON.
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from stock_nbgrader import grade_stock, stock_course
from tables import print_table
from varied_class import ASSIGNMENT, hand_in_class

from autograder.course.course import Course
from autograder.course.marks import read_marks
from autograder.demo import open_course

MIB = 2**20
LOOK_EVERY = 5  # seconds: adding up the pages of a process takes time itself


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=60, help="of the class (60)")
    parser.add_argument("--stock", type=int, default=6, help="submissions that stock nbgrader grades (6)")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2], help="notebooks at a time (1 2)")
    parser.add_argument("--growth", type=int, nargs="*", default=[20, 300], help="other sizes of the class (20 300)")
    parser.add_argument("--cluster", type=int, help="grade so many on two dask workers, and nothing else")
    parser.add_argument("--device", default="cpu", help="where submissions compute (cpu)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="grading-") as folder:
        root = Path(folder)
        figures = on_cluster(root, arguments.cluster) if arguments.cluster else compared(root, arguments)
    print(json.dumps(figures))


def compared(root: Path, arguments: argparse.Namespace) -> dict:
    """Stock nbgrader and ours on one class, then ours on other classes."""
    largest = max([arguments.students, *arguments.growth])
    course = new_course(root / "course", largest)
    folders = sorted((course.root / "submitted").iterdir())[: arguments.stock]
    stock_course(root / "stock", ASSIGNMENT, [folder / ASSIGNMENT for folder in folders])
    stock = grade_stock(root / "stock", ASSIGNMENT) / arguments.stock
    rows = [row("stock nbgrader, no tests", arguments.stock, stock * arguments.stock, stock)]
    marks = []
    for jobs in arguments.jobs:
        run = grade(course, root / f"{jobs}-jobs", arguments.students, jobs=jobs, device=arguments.device)
        rows.append(row(f"all hidden tests, {jobs} at a time", arguments.students, run.seconds, stock) | run.costs())
        marks.append(run.marks)
    for students in sorted(arguments.growth):
        run = grade(course, root / f"{students}", students, jobs=arguments.jobs[-1], device=arguments.device)
        rows.append(row(f"a class of {students}", students, run.seconds, stock) | run.costs())
    rows[0] |= dict.fromkeys(rows[-1].keys() - rows[0].keys(), 0)
    print_table("grading a class", rows)
    same = all(one == marks[0] for one in marks)
    print(f"\nIdentical marks for {' and '.join(map(str, arguments.jobs))} at a time: {'yes' if same else 'NO'}")
    return {"rows": rows, "identical marks": same}


def on_cluster(root: Path, students: int) -> dict:
    """A class on two dask workers of this machine; the marks of its first students against those of a local run."""
    from distributed import LocalCluster

    course = new_course(root / "course", students)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        run = grade(course, root / "cluster", students, scheduler=cluster.scheduler_address)
    few = grade(course, root / "local", min(20, students))
    verdicts = list((root / "cluster" / "verdicts" / ASSIGNMENT).glob("*/[0-9]*.json"))
    last = json.loads((root / "cluster" / "verdicts" / ASSIGNMENT / "last_run.json").read_text())
    figures = {
        "students": students,
        "seconds": round(run.seconds, 1),
        "seconds per submission": round(run.seconds / students, 3),
        "verdicts": len(verdicts),
        "submissions recorded": len(last["graded"]),
        "recorded twice": len(last["graded"]) - len(set(last["graded"])),
        "notebooks graded": last["notebooks"],
        "students with marks": len(run.marks),
        "as graded by this machine": all(run.marks[student] == marks for student, marks in few.marks.items()),
        **run.costs(),
    }
    for name, value in figures.items():
        print(f"{name:<32}{value:>12}")
    return figures


def row(name: str, students: int, seconds: float, stock: float) -> dict:
    """A line of the table; `stock`: seconds that nbgrader by itself takes for a submission."""
    per = seconds / students
    return {
        "run": name,
        "submissions": students,
        "seconds": round(seconds, 1),
        "s/submission": round(per, 3),
        "submissions/min": round(60 / per, 1),
        "times stock": round(stock / per, 2),
    }


def new_course(root: Path, students: int) -> Course:
    """A course in which so many have handed in."""
    with contextlib.redirect_stdout(io.StringIO()):
        course = open_course(root, ASSIGNMENT)
    hand_in_class(root / "submitted", root / "notebooks" / ASSIGNMENT, students)
    return course


@dataclass
class Run:
    """One run of `nbgrader autograde`: its time, the marks, what its processes held, MiB, and the processor time of
    nbgrader's own one, which records."""

    seconds: float
    marks: dict
    together: list[float] = field(default_factory=list)
    one: list[float] = field(default_factory=list)
    recording: float = 0.0

    def costs(self) -> dict[str, float]:
        """The most that all processes held together, and one that grades, what they share counted in parts."""
        return {
            "MiB in all": round(max(self.together, default=0)),
            "MiB a grader": round(max(self.one, default=0)),
            "CPU s of nbgrader": round(self.recording, 1),
        }


def grade(course: Course, root: Path, students: int, *, jobs: int = 2, scheduler: str = "", device: str = "cpu") -> Run:
    """Grade the first so many submissions in a copy of the course."""
    shutil.copytree(course.root, root, ignore=shutil.ignore_patterns("submitted"))
    for folder in sorted((course.root / "submitted").iterdir())[:students]:
        shutil.copytree(folder, root / "submitted" / folder.name)
    (root / ".course_secret").write_text("the same in every run\n")
    options = [f"--CourseDirectory.root={root}", f"--GradeInWorker.jobs={jobs}", f"--GradeInWorker.device={device}"]
    options += [f"--GradeInWorker.scheduler={scheduler}"] if scheduler else []
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    call = [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT, "--log-level=WARN", *options]
    started = time.monotonic()
    process = subprocess.Popen(call, cwd=root, env=environment)
    run = Run(0.0, {})
    watch = threading.Thread(target=_watch, args=(process, run))
    watch.start()
    status = process.wait()
    run.seconds = time.monotonic() - started
    watch.join()
    if status:
        raise SystemExit(f"nbgrader ended with {status}.")
    marks = read_marks(root, ASSIGNMENT)
    run.marks = {student: [(mark.cell, mark.score) for mark in given] for student, given in marks.items()}
    return run


def _watch(process: subprocess.Popen, run: Run) -> None:
    """Look at the memory of a process and of all that it started, now and then."""
    while process.poll() is None:
        sizes = {}
        with contextlib.suppress(psutil.Error):
            grader = psutil.Process(process.pid)
            run.recording = sum(grader.cpu_times()[:2])
            for child in [grader, *grader.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    sizes[child.pid] = child.memory_full_info().pss / MIB
            direct = {child.pid for child in grader.children()}
            run.one += [size for pid, size in sizes.items() if pid in direct]
        run.together.append(sum(sizes.values()))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_EVERY)


if __name__ == "__main__":
    main()
