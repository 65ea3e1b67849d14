"""The sandbox around a submission's process: namespaces by bubblewrap, limits by prlimit, another user by setpriv."""

import itertools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from autograder.paths import NOTEBOOKS
from autograder.sandbox.limits import Limits
from autograder.sandbox.process import SandboxProcess, StartedProcess
from autograder.sandbox.student_files import package_folders, student_packages
from segkit.errors import CourseError

COURSE = "/opt/course"
PROGRAM = [sys.executable, "-s", "-P", "-m", "segkit.checking.worker"]
FIRST_USER, USERS = 60_000, 4_000  # unprivileged ids that no distribution gives to people or services
_slots = itertools.count(os.getpid() * 64)
PASSED_ON = ("LANG", "LC_ALL", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")
_OF_THE_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")


class Sandbox(Protocol):
    """Puts a submission's process somewhere. `name` stands in the verdict."""

    name: str

    def launch(self, limits: Limits, device: str) -> SandboxProcess:
        """A process that runs `segkit.checking.worker`."""


@dataclass(frozen=True)
class Bubblewrap:
    """Own namespaces for processes, network, IPC, host name and mounts; nothing of the project but segkit in reach.

    Where the grader runs as root, the process gets a user of its own as well, one for each sandbox, so that neither
    signals nor the limit of processes reach from one to another.
    """

    name: str = "bubblewrap"

    def launch(self, limits: Limits, device: str) -> SandboxProcess:
        """A process that starts with the interpreter."""
        return StartedProcess(self.command(PROGRAM, limits, device), self.environment, own_folder=True)

    def command(self, program: list[str], limits: Limits, device: str) -> list[str]:
        """`bwrap`, which runs `prlimit` and `setpriv`, which run `program`."""
        return [
            shutil.which("bwrap") or "bwrap",  # found as by require_sandbox: the process itself gets another PATH
            *_privileges(),
            *surroundings(limits, device),
            "--",
            *limited(limits, device),
            *(_as_another_user() if os.geteuid() == 0 else []),
            *program,
        ]

    def environment(self, folder: str) -> dict[str, str]:
        """Nothing of the grader's own but language and devices: pid 1's is readable from within."""
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return worker_environment("/tmp", COURSE) | passed


@dataclass(frozen=True)
class NoSandbox:
    """An ordinary process: for solutions that are trusted, on machines without bubblewrap. Never for a class."""

    name: str = "none: unsafe, asked for by the unsafe switch"

    def launch(self, limits: Limits, device: str) -> SandboxProcess:
        """A process that starts with the interpreter."""
        return StartedProcess(PROGRAM, self.environment, own_folder=False)

    def environment(self, folder: str) -> dict[str, str]:
        """As in the sandbox, with the notebooks of this checkout."""
        passed = {name: os.environ[name] for name in (*PASSED_ON, "PATH") if name in os.environ}
        return worker_environment(folder, str(NOTEBOOKS)) | passed


def worker_environment(home: str, course: str) -> dict[str, str]:
    """Environment variables of a worker, whose segkit stands in the folder `course`."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "LOGNAME": "student",  # there is no /etc/passwd to look it up in
        "LANG": "C.UTF-8",
        "PYTHONPATH": course,
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": "1",
    }


@cache
def require_sandbox() -> None:
    """Refuse to grade where the sandbox cannot be had.

    Raises:
        CourseError: saying what is missing and what to do about it.
    """
    for program, package in (("bwrap", "bubblewrap"), ("setpriv", "util-linux"), ("prlimit", "util-linux")):
        if shutil.which(program) is None:
            raise CourseError(
                f"Nothing was graded: student code runs in a sandbox of bubblewrap only, and {program} is missing. "
                f"Install it (`apt-get install {package}` on Debian and Ubuntu) and run this again."
            )
    command = Bubblewrap().command([sys.executable, "-S", "-c", ""], Limits(), "cpu")
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if run.returncode:
        reason = (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[0]
        raise CourseError(
            f"Nothing was graded: bubblewrap may not make a sandbox here ({reason}). Allow user namespaces "
            "(`sysctl kernel.unprivileged_userns_clone=1`; on Ubuntu 24.04 also "
            "`kernel.apparmor_restrict_unprivileged_userns=0`; in a container, run it with `--privileged`), "
            "or grade on a machine that does."
        )


def surroundings(limits: Limits, device: str, extra: tuple[str, ...] = ()) -> list[str]:
    """What of the machine bubblewrap leaves in reach; `extra`: further mounts."""
    return [
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *("--die-with-parent", "--new-session"),
        *_scratch("/tmp", limits),  # before the files: an environment may lie below /tmp
        *_visible_files(),
        *extra,
        *_devices(device),
        *("--proc", "/proc", *_scratch("/dev/shm", limits)),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"),
    ]


def limits_of_process(limits: Limits, device: str) -> dict[str, tuple[int, int]]:
    """What `prlimit` and `resource` call them, in upper case, and a soft and a hard limit each."""
    cpu = round(limits.cpu)
    found = {
        "CPU": (cpu, cpu + 5),
        "NPROC": (limits.processes,) * 2,
        "NOFILE": (limits.open_files,) * 2,
        "FSIZE": (limits.file,) * 2,
        "CORE": (0, 0),
    }
    if device == "cpu":  # memory that is written to, per process: a clean MemoryError before the watch has to stop it
        found["DATA"] = (limits.memory,) * 2
    return found


def next_user() -> int:
    """An unprivileged id for one more sandbox."""
    return FIRST_USER + next(_slots) % USERS


def _privileges() -> list[str]:
    """Root needs no user namespace, and gives up everything but the change to another user."""
    if os.geteuid() != 0:
        return ["--unshare-user", *(["--disable-userns"] if "--disable-userns" in _help() else [])]
    keep = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
    return ["--cap-drop", "ALL", *(option for name in keep for option in ("--cap-add", name))]


@cache
def _help() -> str:
    return subprocess.run(["bwrap", "--help"], capture_output=True, text=True).stdout


def _as_another_user() -> list[str]:
    return [*as_user(next_user()), *_without_namespaces()]


def as_user(user: int) -> list[str]:
    """`setpriv`, which runs a program as that user, without any privilege and without a way to get one."""
    return [
        *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"),
        *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"),
    ]


@cache
def _without_namespaces() -> tuple[str, ...]:
    """A user namespace in which no further one can be made: in one of its own, code could mount as much as it likes.

    Nothing, where other users than root may make none anyway.
    """
    inner = ("bwrap", "--unshare-user", "--disable-userns", "--dev-bind", "/", "/")
    if "--disable-userns" not in _help():
        return ()
    probe = subprocess.run([*as_user(FIRST_USER + USERS), *inner, "true"], capture_output=True)
    return inner if probe.returncode == 0 else ()


def limited(limits: Limits, device: str) -> list[str]:
    """`prlimit`, which runs a program within what a single process may use."""
    named = limits_of_process(limits, device).items()
    return ["prlimit", *(f"--{name.lower()}={soft}:{hard}" for name, (soft, hard) in named)]


@cache
def _visible_files() -> tuple[str, ...]:
    """Mounts, all read-only: the system, the interpreter without its packages, the student's packages, segkit."""
    options = ["--ro-bind", "/usr", "/usr"]
    options += [*_folders(Path("/etc/ld.so.cache")), "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for path in map(Path, _OF_THE_SYSTEM):
        if path.is_symlink():
            options += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            options += ["--ro-bind", str(path), str(path)]
    base, prefix = Path(sys.base_prefix), Path(sys.prefix)
    if not base.is_relative_to("/usr"):
        options += [*_folders(base), "--ro-bind", str(base), str(base)]
    for folder in package_folders():
        options += ["--perms", "0755", "--tmpfs", str(folder)]
    if prefix != base:  # a virtual environment: its settings and the program, nothing else
        program = Path(sys.executable)
        options += [*_folders(program), "--symlink", os.path.realpath(program), str(program)]
        options += ["--ro-bind", str(prefix / "pyvenv.cfg"), str(prefix / "pyvenv.cfg")]
    made: set[Path] = set()
    for path in student_packages():
        if path.parent not in made:
            made.add(path.parent)
            options += [*_folders(path)]
        options += ["--ro-bind", str(path), str(path)]
    options += [*_folders(Path(COURSE) / "segkit"), "--ro-bind", str(NOTEBOOKS / "segkit"), f"{COURSE}/segkit"]
    for folder in package_folders():  # only now: the student's packages may be among these
        options += ["--remount-ro", str(folder)]
    return tuple(options)


def _folders(path: Path) -> list[str]:
    """Make the folders above `path` readable for everybody: bubblewrap as root would make them 0700."""
    above = [str(folder) for folder in reversed(path.parents) if folder != Path("/")]
    return [option for folder in above for option in ("--perms", "0755", "--dir", folder)]


def _scratch(folder: str, limits: Limits) -> list[str]:
    return ["--perms", "1777", "--size", str(limits.scratch), "--tmpfs", folder]


def _devices(device: str) -> list[str]:
    """The harmless devices and, if the student's code computes on one, NVIDIA's GPUs."""
    options = ["--dev", "/dev"]
    if device.startswith("cuda"):
        for node in sorted(Path("/dev").glob("nvidia*")):
            options += ["--dev-bind-try", str(node), str(node)]
        options += ["--ro-bind-try", "/sys", "/sys"]
        for folder in filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)):
            options += [*_folders(Path(folder)), "--ro-bind-try", folder, folder]
    return options
