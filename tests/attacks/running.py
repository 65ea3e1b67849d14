"""One class of attackers and honest students through the real `nbgrader autograde`, and what was found afterwards.

`python tests/attacks/running.py` runs it and prints the table; with `--as-user`, as an ordinary user, if you are root;
with `--unsafe`, one harmless attack without the sandbox, to see that the checks notice.
"""

import argparse
import contextlib
import ctypes
import hashlib
import io
import math
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
from attack import ASSIGNMENT, NOTEBOOK, TASKS, Attack, Hand, Place, Points
from breakouts import BREAKOUTS
from broken_files import BROKEN_FILES
from exhaustion import EXHAUSTION
from forgeries import FORGERIES
from honest import HONEST, Honest

from autograder.course.course import Course
from autograder.demo import open_course
from autograder.grading.cases import SECRET_FILE
from autograder.grading.turns import TURNS
from autograder.paths import ROOT

ATTACKS: tuple[Attack, ...] = (*FORGERIES, *BREAKOUTS, *EXHAUSTION, *BROKEN_FILES)
LIMITS = {"seconds_per_test": 3, "seconds_per_notebook": 18, "memory_mib": 1500, "cpu_seconds": 20}
ORDINARY_USER = 1000
WRITTEN_BY_THE_GRADER = {"autograded", "verdicts", "feedback", "gradebook.db", ".grading.lock"}
OF_THE_CHECKOUT = ("solutions", "notebooks", "autograder/hidden_tests")
PR_SET_CHILD_SUBREAPER = 36

Snapshot = dict[str, tuple]


@dataclass
class Ran:
    """A course after grading, and what was seen around it.

    Args:
        base: the folder that holds the course, a home and a place for temporary files.
        canaries: files outside the course that nobody may read or change.
        contacted: counts the connections to the listeners that attacks were told of.
        status, feedback_status: of `nbgrader autograde` and `nbgrader generate_feedback`.
        said: what both printed.
        before, after: every file that no submission may change, with mode and hash.
        left_behind: processes and temporary files that were there afterwards.
    """

    base: Path
    course: Course
    place: Place
    attacks: tuple[Attack, ...]
    honest: tuple[Honest, ...]
    canaries: tuple[Path, ...]
    contacted: Callable[[], int]
    status: int = -1
    feedback_status: int = -1
    said: str = ""
    seconds: float = 0.0
    before: Snapshot = field(default_factory=dict)
    after: Snapshot = field(default_factory=dict)
    left_behind: list[str] = field(default_factory=list)
    contacts: int = 0

    def points(self) -> dict[str, Points]:
        """Of every student the points of each task; NaN where the gradebook has none."""
        marks = {student: {mark.cell: mark.score for mark in given} for student, given in self.course.marks().items()}
        return {
            student.name: tuple(_number(marks.get(student.name, {}).get(task)) for task in TASKS)
            for student in (*self.honest, *self.attacks)
        }

    def verdict(self, student: str) -> str:
        """A student's verdict as it was written."""
        path = self.folder("verdicts") / ASSIGNMENT / student / f"{NOTEBOOK}.json"
        return path.read_text(encoding="utf-8") if path.exists() else '{"tasks": {}}'

    def folder(self, name: str) -> Path:
        """A folder of the course."""
        return self.course.root / name


def _number(score: float | None) -> float:
    return math.nan if score is None else score


def run_classes(
    *,
    users: Sequence[bool] = (False,),
    unsafe: bool = False,
    attacks: tuple[Attack, ...] = ATTACKS,
    honest: tuple[Honest, ...] = HONEST,
) -> list[Ran]:
    """Make a course, hand in for everybody, grade once and write the feedback; several courses at the same time.

    Args:
        users: a course for each: True grades as an ordinary user, which only root can.
        unsafe: grade without the sandbox, to try the checks. Give it harmless attacks only.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_adopting_orphans())
        runs = [stack.enter_context(_prepared(attacks, honest, as_user)) for as_user in users]
        with ThreadPoolExecutor() as pool:
            list(pool.map(partial(_grade, unsafe=unsafe), runs, users))
        processes = _processes()
        for ran in runs:
            ran.after = snapshot(ran)
            ran.left_behind = processes + _files_left(ran)
            ran.contacts = ran.contacted()
    return runs


def remove(ran: Ran) -> None:
    """Delete everything that the run made."""
    shutil.rmtree(ran.base)


@contextlib.contextmanager
def _prepared(attacks: tuple[Attack, ...], honest: tuple[Honest, ...], as_user: bool) -> Iterator[Ran]:
    """A course in which everybody has handed in, with canaries and listeners around it."""
    token = secrets.token_hex(8)
    base = Path(tempfile.mkdtemp(prefix="attacked-"))
    base.chmod(0o755)
    for name in ("home", "tmp"):
        (base / name).mkdir()
    canaries = (Path(tempfile.gettempdir(), f"canary-{token}.txt"), base / "home" / "canary.txt")
    with contextlib.redirect_stdout(io.StringIO()):
        course = open_course(base / "course", ASSIGNMENT)
    for path in (*canaries, course.root / SECRET_FILE):
        path.write_text(f"secret-{token}\n")
    (course.root / SECRET_FILE).chmod(0o600)
    try:
        with _listeners(base, token) as (names, contacted):
            names |= {"COURSE": str(course.root), "HOME": str(base / "home"), "CHECKOUT": str(ROOT)}
            place = Place(token, {**names, "CANARY": str(canaries[0]), "TOKEN": f"secret-{token}"})
            ran = Ran(base, course, place, attacks, honest, canaries, contacted)
            _hand_in(ran)
            if as_user:
                _give_to_user(base)
            ran.before = snapshot(ran)
            yield ran
    finally:
        canaries[0].unlink(missing_ok=True)


def _hand_in(ran: Ran) -> None:
    for student in (*ran.honest, *ran.attacks):
        folder = ran.folder("submitted") / student.name / ASSIGNMENT
        folder.mkdir(parents=True)
        student.write(Hand(folder, ran.place))


def _grade(ran: Ran, as_user: bool, *, unsafe: bool) -> None:
    """Both commands of nbgrader, as an instructor runs them."""
    environment = {key: value for key, value in os.environ.items() if key != "COURSE_SECRET"}
    environment |= {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(ran.base / "home"),
        "TMPDIR": str(ran.base / "tmp"),
        "TORCHINDUCTOR_CACHE_DIR": str(ran.base / "home" / "torch"),  # the grader's PyTorch makes it on import
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SOME_PASSWORD": ran.place.names["TOKEN"],
    }
    options = [f"--GradeInWorker.{name}={value}" for name, value in LIMITS.items()]
    options += ["--GradeInWorker.unsafe_without_sandbox=True"] if unsafe else []
    started = time.monotonic()
    for command, more in (("autograde", options), ("generate_feedback", [])):
        call = [sys.executable, "-m", "nbgrader", command, ASSIGNMENT, *more]
        call = as_ordinary_user(call) if as_user else call
        run = subprocess.run(
            call, cwd=ran.course.root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=1500
        )
        ran.said += run.stdout.decode(errors="replace") + run.stderr.decode(errors="replace")
        if command == "autograde":
            ran.status, ran.seconds = run.returncode, time.monotonic() - started
        else:
            ran.feedback_status = run.returncode


def as_ordinary_user(command: list[str]) -> list[str]:
    """`command` as another user than root.

    The interpreter and this checkout may stand in a folder that is closed to others, such as root's home. Then the
    command sees an open folder in its place with them in it, and all else of the machine as it is.
    """
    needed = sorted({Path(path).resolve() for path in (sys.base_prefix, sys.prefix, ROOT)})
    closed = {path: _closed_to_others(path) for path in needed}
    options = []
    for folder in sorted({*closed.values()} - {None}):
        options += ["--perms", "0755", "--tmpfs", str(folder)]
    for path, folder in closed.items():
        if folder:
            above = [up for up in reversed(path.parents) if up.is_relative_to(folder) and up != folder]
            options += [option for up in above for option in ("--perms", "0755", "--dir", str(up))]
            options += ["--ro-bind", str(path), str(path)]
    user = ["setpriv", f"--reuid={ORDINARY_USER}", f"--regid={ORDINARY_USER}", "--clear-groups", "--inh-caps=-all"]
    return ["bwrap", "--dev-bind", "/", "/", *options, "--cap-add", "ALL", *user, *command]


def _closed_to_others(path: Path) -> Path | None:
    """The first folder on the way to `path` that others than its owner may not enter."""
    return next((up for up in reversed(path.parents) if not up.stat().st_mode & stat.S_IXOTH), None)


def _give_to_user(base: Path) -> None:
    for folder, folders, files in os.walk(base):
        for name in (".", *folders, *files):
            os.chown(os.path.join(folder, name), ORDINARY_USER, ORDINARY_USER, follow_symlinks=False)


@contextlib.contextmanager
def _listeners(base: Path, token: str) -> Iterator[tuple]:
    """Three sockets that nobody should reach, the names by which attacks know them, and how many did."""
    abstract, local = f"listener-{token}", str(base / "socket")
    with contextlib.ExitStack() as stack:
        opened = [
            stack.enter_context(socket.socket(family)) for family in (socket.AF_INET, socket.AF_UNIX, socket.AF_UNIX)
        ]
        for listener, address in zip(opened, (("127.0.0.1", 0), f"\0{abstract}", local), strict=True):
            listener.bind(address)
            listener.listen()
            listener.setblocking(False)
        os.chmod(local, 0o777)

        def contacted() -> int:
            return sum(_accepts(listener) for listener in opened)

        yield {"PORT": str(opened[0].getsockname()[1]), "ABSTRACT": abstract, "SOCKET": local}, contacted


def _accepts(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Whatever outlives its parent becomes a child of this process meanwhile, and can be seen; the dead are buried."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        for child in psutil.Process().children():
            if child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, 0)


def _processes() -> list[str]:
    time.sleep(0.5)  # what was killed may take a moment to go
    living = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # so says psutil of a zombie, too
            living.append(f"process {process.pid}: {' '.join(process.cmdline())[:200]}")
    return living


def _files_left(ran: Ran) -> list[str]:
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), Path("/"), Path.home()]
    places.append(ran.base / "home")
    found = {path for place in places for path in place.glob(f"*mark-{ran.place.token}*")}
    forgotten = set((ran.base / "tmp").iterdir())  # by the grader itself
    found |= {path for path in forgotten if not path.name.startswith(TURNS)}
    return sorted(map(str, found))


def snapshot(ran: Ran) -> Snapshot:
    """Kind, mode and content of every file of course and checkout that grading has no business to change."""
    tops = [path for path in ran.course.root.iterdir() if path.name not in WRITTEN_BY_THE_GRADER]
    tops += [*ran.canaries, *(ROOT / name for name in OF_THE_CHECKOUT)]
    found = {}
    for top in tops:
        for path in [top, *(top.rglob("*") if top.is_dir() and not top.is_symlink() else [])]:
            if "__pycache__" not in path.parts:
                found[str(path)] = _looks(path)
    return found


def _looks(path: Path) -> tuple:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return mode, os.readlink(path)
        return mode, hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(mode) else ""
    except FileNotFoundError:  # somebody is working in this checkout
        return (0, "")


def table(ran: Ran) -> str:
    """Every attack with what it tried, got and earned, and the honest students beside them."""
    points = ran.points()
    lines = [f"{'attack':<26} {'got':>5} of {'earned':<6}  what it tries, and what came of it"]
    for attack in ran.attacks:
        got, earned = sum(points[attack.name]), sum(attack.earned)
        lines.append(f"{attack.name:<26} {got:>5g} of {earned:<6g}  {attack.tries}")
        lines.append(f"{'':<44}{attack.outcome}")
    lines += ["", f"{'honest':<26} {'got':>5} of {'right':<6}"]
    for student in ran.honest:
        lines.append(f"{student.name:<26} {sum(points[student.name]):>5g} of {sum(student.points):<6g}")
    return "\n".join(lines)


def main() -> int:
    """Run the class and print the table; 0 if every check holds."""
    from checks import counts, problems

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--as-user", action="store_true", help="grade as an ordinary user (only root can)")
    parser.add_argument("--unsafe", action="store_true", help="one harmless attack, without the sandbox")
    parser.add_argument("--only", nargs="*", help="names of the attacks to run")
    parser.add_argument("--keep", action="store_true", help="do not delete the course")
    options = parser.parse_args()
    only = ["own_scratch"] if options.unsafe else options.only
    attacks = tuple(attack for attack in ATTACKS if not only or attack.name in only)
    [ran] = run_classes(users=[options.as_user], unsafe=options.unsafe, attacks=attacks)
    found = problems(ran)
    print(table(ran), "", counts(ran), "", *found, sep="\n")
    if options.keep:
        (ran.course.root / "said.txt").write_text(ran.said)
        print(ran.course.root)
    else:
        remove(ran)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
