"""One class of attackers and honest students through the real `nbgrader autograde`, and what was found afterwards.

`python tests/attacks/running.py` runs it and prints the table; with `--as-user`, as an ordinary user, if you are root;
with `--unsafe`, one harmless attack without the sandbox, to see that the checks notice.
"""

import argparse
import contextlib
import ctypes
import hashlib
import io
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from attack import ASSIGNMENT, NOTEBOOK, TASKS, Attack, Hand, Place, Points
from breakouts import BREAKOUTS
from broken_files import BROKEN_FILES
from exhaustion import EXHAUSTION
from forgeries import FORGERIES
from honest import HONEST, Honest

from autograder.cases import SECRET_FILE
from autograder.course import Course
from autograder.demo import open_course
from autograder.paths import ROOT

ATTACKS: tuple[Attack, ...] = (*FORGERIES, *BREAKOUTS, *EXHAUSTION, *BROKEN_FILES)
LIMITS = {"seconds_per_test": 4, "seconds_per_notebook": 25, "memory_mib": 1500, "cpu_seconds": 20}
ORDINARY_USER = 1000
WRITTEN_BY_THE_GRADER = {"autograded", "verdicts", "feedback", "gradebook.db", ".grading.lock"}
OF_THE_CHECKOUT = ("solutions", "notebooks", "autograder")
PR_SET_CHILD_SUBREAPER = 36

Snapshot = dict[str, tuple]


@dataclass
class Ran:
    """A course after grading, and what was seen around it.

    Args:
        status, feedback_status: of `nbgrader autograde` and `nbgrader generate_feedback`.
        said: what both printed.
        before, after: every file that no submission may change, with mode and hash.
        left_behind: processes and temporary files that were there afterwards.
        contacts: connections to the listeners that attacks were told of.
    """

    course: Course
    place: Place
    attacks: tuple[Attack, ...]
    status: int = -1
    feedback_status: int = -1
    said: str = ""
    seconds: float = 0.0
    before: Snapshot = field(default_factory=dict)
    after: Snapshot = field(default_factory=dict)
    left_behind: list[str] = field(default_factory=list)
    contacts: int = 0

    def points(self) -> dict[str, Points]:
        """Of every student in the gradebook the points of each task."""
        marks = {student: {mark.cell: mark.score for mark in given} for student, given in self.course.marks().items()}
        return {student: tuple(given.get(task) for task in TASKS) for student, given in marks.items()}

    def verdict(self, student: str) -> str:
        """A student's verdict as it was written."""
        return (self.folder("verdicts") / ASSIGNMENT / student / f"{NOTEBOOK}.json").read_text(encoding="utf-8")

    def page(self, student: str) -> str:
        """A student's feedback."""
        return (self.folder("feedback") / student / ASSIGNMENT / f"{NOTEBOOK}.html").read_text(encoding="utf-8")

    def folder(self, name: str) -> Path:
        """A folder of the course."""
        return self.course.root / name


def run_class(*, as_user: bool = False, unsafe: bool = False, attacks: tuple[Attack, ...] = ATTACKS) -> Ran:
    """Make a course, hand in for everybody, grade once and write the feedback.

    Args:
        as_user: grade as an ordinary user; only root can.
        unsafe: grade without the sandbox, to try the checks. Give it harmless attacks only.
    """
    token = secrets.token_hex(8)
    base = Path(tempfile.mkdtemp(prefix="attacked-"))
    canary = Path(tempfile.gettempdir(), f"canary-{token}.txt")
    try:
        with _listeners(base, token) as (names, contacts), _adopting_orphans():
            ran = _hand_in(base, canary, names, token, attacks)
            if as_user:
                _give_to_user(base)
            ran.before = snapshot(ran, canary)
            _grade(ran, base, as_user, unsafe)
            ran.after = snapshot(ran, canary)
            ran.left_behind = _processes() + _files_left(base, token)
            ran.contacts = contacts()
    finally:
        canary.unlink(missing_ok=True)
    return ran


def remove(ran: Ran) -> None:
    """Delete everything that the run made."""
    shutil.rmtree(ran.course.root.parent)


def _hand_in(base: Path, canary: Path, names: dict, token: str, attacks: tuple[Attack, ...]) -> Ran:
    base.chmod(0o755)
    for name in ("home", "tmp"):
        (base / name).mkdir()
    for path in (canary, base / "home" / "canary.txt"):
        path.write_text(f"secret-{token}\n")
    with contextlib.redirect_stdout(io.StringIO()):
        course = open_course(base / "course", ASSIGNMENT)
    (course.root / SECRET_FILE).write_text(f"secret-{token}\n")
    (course.root / SECRET_FILE).chmod(0o600)
    names |= {"COURSE": str(course.root), "HOME": str(base / "home"), "CANARY": str(canary), "CHECKOUT": str(ROOT)}
    place = Place(token, {**names, "TOKEN": f"secret-{token}"})
    for student in (*HONEST, *attacks):
        folder = course.root / "submitted" / student.name / ASSIGNMENT
        folder.mkdir(parents=True)
        student.write(Hand(folder, place))
    return Ran(course, place, attacks)


def _grade(ran: Ran, base: Path, as_user: bool, unsafe: bool) -> None:
    """Both commands of nbgrader, as an instructor runs them."""
    environment = {key: value for key, value in os.environ.items() if key != "COURSE_SECRET"}
    environment |= {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(base / "home"),
        "TMPDIR": str(base / "tmp"),
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
            call, cwd=ran.course.root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=600
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

        def contacts() -> int:
            return sum(_accepts(listener) for listener in opened)

        yield {"PORT": str(opened[0].getsockname()[1]), "ABSTRACT": abstract, "SOCKET": local}, contacts


def _accepts(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Whatever outlives its parent becomes a child of this process meanwhile, and can be seen."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _processes() -> list[str]:
    time.sleep(0.5)  # what was killed may take a moment to go
    living = [process for process in psutil.Process().children(recursive=True) if process.status() != "zombie"]
    return [f"process {process.pid}: {' '.join(process.cmdline())[:200]}" for process in living]


def _files_left(base: Path, token: str) -> list[str]:
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), Path("/"), Path.home()]
    found = {path for place in places for path in place.glob(f"*mark-{token}*")}
    found |= set((base / "tmp").iterdir()) | {path for path in (base / "home").rglob("*") if token in path.name}
    return sorted(map(str, found))


def snapshot(ran: Ran, canary: Path) -> Snapshot:
    """Kind, mode and content of every file of course and checkout that grading has no business to change."""
    tops = [path for path in ran.course.root.iterdir() if path.name not in WRITTEN_BY_THE_GRADER]
    tops += [canary, ran.course.root.parent / "home" / "canary.txt", *(ROOT / name for name in OF_THE_CHECKOUT)]
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
        got = points.get(attack.name)
        total = "none" if got is None else f"{sum(got):g}"
        lines += [
            f"{attack.name:<26} {total:>5} of {sum(attack.earned):<6g}  {attack.tries}",
            f"{'':<44}{attack.outcome}",
        ]
    lines += ["", f"{'honest':<26} {'got':>5} of {'right':<6}"]
    for student in HONEST:
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
    ran = run_class(as_user=options.as_user, unsafe=options.unsafe, attacks=attacks)
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

__all__ = ["ATTACKS", "HONEST", "Honest", "Ran", "remove", "run_class", "table"]
