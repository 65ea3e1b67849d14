"""What the code of a submission sees and may do, tried from within, and what is left of it afterwards, from outside.

Most of it is tried by a script in the sandbox alone, which starts faster than a worker; what concerns the watch over
the processes needs a worker. Everything here holds for root and for an ordinary user, unless it says which of them.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from threading import Timer

import psutil
import pytest

from autograder.paths import NOTEBOOKS, ROOT
from autograder.sandbox import Bubblewrap, Limits, NoSandbox, Worker, bubblewrap, require_sandbox
from autograder.sandbox import warm as warm_end
from autograder.sandbox import worker as worker_end
from autograder.sandbox.bubblewrap import COURSE, FIRST_USER, USERS
from autograder.sandbox.limits import MIB, Exceeded
from autograder.sandbox.student_files import package_folders, student_packages
from autograder.sandbox.warm import WarmBubblewrap
from segkit.checking.candidate import AnswerError
from segkit.errors import CourseError
from tests.small_submissions import (
    are_empty,
    are_gone,
    ask,
    commands,
    descendants,
    open_descriptors,
    process_namespaces,
    submission,
)

IS_ROOT = os.geteuid() == 0
SCRATCH = [Path("/tmp"), Path("/dev/shm")]
SECRETS = {
    "COURSE_SECRET": "canary-of-the-course",
    "GITHUB_TOKEN": "canary-of-github",
    "AWS_SECRET_ACCESS_KEY": "canary-of-aws",
    "DATABASE_URL": "canary-of-the-database",
    "PYTHONSTARTUP": "canary-of-python",
}
MARK = f"86399.{os.getpid()}"  # seconds that nobody else sleeps
waiting: set[str] = set()  # the namespaces of what was there before a test, and waits for forks
CANARY = f"canary-{os.getpid()}"  # a name that no other file has


@pytest.fixture(scope="module")
def warm():
    """Forks of one process that has imported everything: what `nbgrader autograde` uses."""
    with WarmBubblewrap() as sandbox:
        sandbox.launch(Limits(), "cpu").kill()
        yield sandbox


@pytest.fixture(autouse=True, params=["started", "forked"])
def sandbox(request, monkeypatch):
    """Everything here holds for a process that bubblewrap starts, and for a fork."""
    found = request.getfixturevalue("warm") if request.param == "forked" else Bubblewrap()
    monkeypatch.setattr(worker_end, "Bubblewrap", lambda: found)
    return found


@pytest.fixture(autouse=True)
def leaves_nothing_behind(sandbox, tmp_path_factory, monkeypatch):
    """No process, pipe, folder or file of a sandbox outlives its test."""
    before = descendants(), open_descriptors()
    waiting.clear()
    waiting.update(process_namespaces(before[0]))
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert are_gone(descendants() - before[0])
    assert open_descriptors() <= before[1]
    assert sleeping(0) and not list(folder.iterdir())
    assert not [place / CANARY for place in SCRATCH if (place / CANARY).exists()]


def sleeping(count: int) -> bool:
    """Whether so many processes that sleep for `MARK` seconds are seen on this machine, within a moment."""
    deadline = time.monotonic() + 30
    while sum(command.startswith(f"sleep {MARK}") for command in commands()) != count:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def inside(code: str, limits: Limits | None = None, **values) -> dict:
    """What a script in the sandbox leaves in `result`; `values` are names that it finds."""
    names = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    script = f"import json, os, sys\nresult = {{}}\n{names}{code}\n"
    sandbox = worker_end.Bubblewrap()
    return (_in_process if isinstance(sandbox, Bubblewrap) else _in_fork)(sandbox, script, limits or Limits())


def _in_process(sandbox: Bubblewrap, script: str, limits: Limits) -> dict:
    run = subprocess.run(
        sandbox.command([sys.executable, "-s", "-P", "-c", script + "print(json.dumps(result))"], limits, "cpu"),
        env=sandbox.environment("/unused"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def _in_fork(sandbox: WarmBubblewrap, script: str, limits: Limits) -> dict:
    source = f"SCRIPT = {script!r}\ndef run():\n    exec(SCRIPT, globals())\n    return json.dumps(result)"
    with Worker(submission(source), limits=limits, sandbox=sandbox) as worker:
        return json.loads(ask(worker).call("run").result)


REFUSED = """
import errno

def refused(attempt, *arguments):
    '''The name of the error that an attempt ends with; None if it succeeds.'''
    try:
        attempt(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
"""


# --- files ----------------------------------------------------------------------------------------------------------


def test_no_file_is_in_reach_but_the_system_the_interpreter_its_packages_and_segkit(sandbox):
    whole = [
        *(() if Path(sys.prefix).is_relative_to("/tmp") else ("/tmp",)),
        *(("/opt/forking",) if not isinstance(sandbox, Bubblewrap) else ()),  # the program that the forks come from
        *("/proc", "/dev", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", f"{COURSE}/segkit"),
        *("/etc/ld.so.cache", sys.base_prefix, sys.executable, str(Path(sys.prefix) / "pyvenv.cfg")),
        *map(str, student_packages()),
    ]
    found = inside(
        """
result = {"strange": [], "seen": 0}
above = set()
for path in whole:
    while path != "/":
        path = os.path.dirname(path)
        above.add(path)
for folder, folders, files in os.walk("/"):
    paths = {name: os.path.join(folder, name) for name in folders + files}
    result["seen"] += len(paths)
    result["strange"] += [path for path in paths.values() if path not in whole and path not in above]
    folders[:] = [name for name in folders if paths[name] not in whole]
""",
        whole=whole,
    )
    assert found["strange"] == []
    assert found["seen"] > len(student_packages())


def test_packages_that_students_do_not_have_are_not_in_reach_wherever_they_are_installed():
    own = {path.name for path in student_packages()}
    found = inside(
        "result = {folder: os.listdir(folder) for folder in folders}", folders=[str(p) for p in package_folders()]
    )
    assert {name for names in found.values() for name in names} <= own
    others = ["transformers", "segmentation_models_pytorch", "timm", "fvcore"]  # which a submission could wrap
    assert all(map(find_spec, others))
    names = ["autograder", "nbgrader", *others, "pytest", "hypothesis", "solutions", "tests", "segkit", "torch"]
    found = inside(
        "from importlib.util import find_spec\nresult = {name: bool(find_spec(name)) for name in names}", names=names
    )
    assert [name for name, there in found.items() if there] == ["segkit", "torch"]


def test_nothing_of_the_project_the_home_or_the_system_settings_is_in_reach(tmp_path, monkeypatch):
    canary = tmp_path / "canary"
    canary.write_text("secret")
    paths = [
        canary,
        *(ROOT / name for name in ("autograder", "solutions", "tests", ".git", ".course_secret", "README.md")),
    ]
    paths += [Path.cwd() / "submitted", Path.home() / ".ssh", Path.home() / ".bash_history", NOTEBOOKS]
    paths += map(Path, ("/etc/passwd", "/etc/shadow", "/etc/hosts", "/home", "/var", "/run", "/sys", "/boot", "/mnt"))
    assert sum(path.exists() for path in paths) > 6
    assert (
        inside("result = [path for path in paths if os.path.lexists(path)]", paths=[str(path) for path in paths]) == []
    )
    climbing = "/tmp/" + "../" * 20 + str(canary)
    assert inside("result = os.path.exists(path)", path=climbing) is False


def test_all_of_it_is_read_only_and_links_do_not_lead_out():
    files = [torch_file(), f"{COURSE}/segkit/student.py", f"{COURSE}/segkit/__init__.py", os.__file__]
    files += [str(Path(sys.prefix) / "pyvenv.cfg")] if sys.prefix != sys.base_prefix else []
    folders = ["/", "/usr", "/usr/bin", "/etc", "/opt", COURSE, f"{COURSE}/segkit", "/dev", sys.base_prefix]
    folders += [os.path.dirname(os.__file__), *(str(folder) for folder in package_folders())]
    found = inside(
        REFUSED
        + """
os.symlink("/", "/tmp/link")
result = {
    "mounted": [path for path in files + folders if not os.statvfs(path).f_flag & os.ST_RDONLY],
    "opened": [path for path in files if not refused(open, path, "r+b")],
    "moded": [path for path in files if not refused(os.chmod, path, 0o777)],
    "removed": [path for path in files if not refused(os.unlink, path)],
    "made": [path for path in folders if not refused(open, path + "/canary", "x")],
    "through links": not refused(open, "/tmp/link" + files[0], "r+b"),
    "hard links": not refused(os.link, files[0], "/tmp/hard"),
    "scratch": bool(refused(open, "/tmp/canary", "x")),
}
""",
        files=files,
        folders=folders,
    )
    assert not any(found.values()), found


def torch_file() -> str:
    return str(next(path for path in student_packages() if path.name == "torch") / "__init__.py")


@pytest.mark.parametrize("folder", SCRATCH, ids=str)
def test_scratch_is_private_limited_and_gone_afterwards(folder):
    limits = Limits(scratch=8 * MIB, file=6 * MIB)
    environment = Path(sys.prefix)  # may lie below /tmp, and is then mounted there
    mounted = [environment.relative_to(folder).parts[0]] if environment.is_relative_to(folder) else []
    fill = (
        REFUSED
        + """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def fill(name):
    with open(folder + "/" + name, "wb", buffering=0) as file:
        while True:
            file.write(bytes(2**20))
result = {"content": os.listdir(folder), "full": [refused(fill, name) for name in names]}
result["used"] = sum(os.path.getsize(folder + "/" + name) for name in names if os.path.exists(folder + "/" + name))
"""
    )
    for _ in range(2):
        found = inside(fill, limits, folder=str(folder), names=[CANARY, CANARY + "2"])
        assert found == {"content": mounted, "full": ["EFBIG", "ENOSPC"], "used": 8 * MIB}


def test_a_folder_of_the_grader_is_not_made_readable_by_a_descriptor_that_it_holds_open(sandbox, tmp_path):
    path = tmp_path / "open"
    path.write_text("secret")
    with path.open() as file:
        os.set_inheritable(file.fileno(), True)
        found = inside("names = os.listdir('/proc/self/fd')\n"
                       "result = {name: os.path.realpath('/proc/self/fd/' + name) for name in names}")  # fmt: skip
    # Three, and the folder that is being listed; in a fork the worker has moved its two pipes away from the first ones.
    assert len(found) == (4 if isinstance(sandbox, Bubblewrap) else 7)
    assert all(target == "/dev/null" or "/fd" in target for target in found.values())


# --- environment, processes, network --------------------------------------------------------------------------------


def test_no_secret_is_in_the_environment_or_in_proc(sandbox, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    found = inside(
        """
result = {"environment": dict(os.environ), "read": 0, "text": ""}
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline", "maps", "mountinfo", "comm", "stack", "auxv"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                result["text"] += file.read().decode(errors="replace")
            result["read"] += name == "environ"
        except OSError:
            pass
"""
    )
    allowed = {
        "PATH",
        "HOME",
        "LOGNAME",
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
        "MPLBACKEND",
        "OMP_NUM_THREADS",
        "PWD",
    }
    allowed |= {"LANG", "LC_CTYPE", "LC_ALL", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH"}
    allowed |= set() if isinstance(sandbox, Bubblewrap) else {"TORCHINDUCTOR_CACHE_DIR"}  # set by what was imported
    assert found["environment"].keys() <= allowed
    assert found["environment"]["HOME"] == "/tmp"
    assert found["read"] and "OMP_NUM_THREADS=1" in found["text"]  # at least its own was there to be read
    for value in SECRETS.values():
        assert value not in found["text"] and value not in found["environment"].values()


def test_only_its_own_processes_are_visible_and_no_signal_or_trace_reaches_the_grader():
    found = inside(
        REFUSED
        + """
import ctypes, signal
def trace(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, pid, 0, 0):  # PTRACE_ATTACH
        raise OSError(ctypes.get_errno(), "ptrace")
pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
result["namespaces"] = {name: os.readlink("/proc/self/ns/" + name) for name in ("pid", "net", "ipc", "uts", "mnt")}
result["commands"] = [open(f"/proc/{pid}/cmdline").read() for pid in pids]
result["outside"] = sorted({refused(trace, pid) for pid in outside} | {refused(os.kill, pid, 0) for pid in outside})
result["first"] = [refused(os.kill, 1, number) for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP)]
if is_root:  # else it works, and what is traced waits until its time is up
    result["traced"] = refused(trace, 1)
""",
        outside=[pid for pid in psutil.pids() if pid > 10],  # within they are counted from 1
        is_root=IS_ROOT,
    )
    for name, namespace in found["namespaces"].items():
        assert namespace != os.readlink(f"/proc/self/ns/{name}"), name
    assert 2 <= len(found["commands"]) <= 3
    assert all(any(part in command for part in ("bwrap", "result", "forking")) for command in found["commands"])
    assert found["outside"] == ["ESRCH"]
    if IS_ROOT:  # its own user: not even bubblewrap's first process is in reach
        assert {*found["first"], found["traced"]} == {"EPERM"}
    else:  # the same user: signals to the first process of a namespace are thrown away, or its death ends all of it
        assert set(found["first"]) == {None}


def test_code_that_signals_whatever_it_can_ends_nothing_but_itself():
    source = """
import os, signal
def signal_everything():
    for pid in range(1, 3000):
        if pid != os.getpid():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    try:
        os.kill(-1, signal.SIGKILL)
    except OSError:
        pass
    os.kill(os.getpid(), signal.SIGKILL)  # at the latest: ended by another of its processes, it may answer first
def one():
    return 1
"""
    other = subprocess.Popen(["sleep", MARK])
    try:
        with Worker(submission(source)) as worker:
            with pytest.raises(AnswerError) as error:
                ask(worker).call("signal_everything")
            assert error.value.stopped in ("crash", "exit")
            worker.new_test()
            assert ask(worker).call("one").result == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_it_has_no_privileges_and_cannot_get_any():
    found = inside(
        REFUSED
        + """
import subprocess
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
result["capabilities"] = {name: int(status[name], 16) for name in status if name.startswith("Cap")}
result["no new"] = int(status["NoNewPrivs"])
result["root"] = [refused(os.setuid, 0), refused(os.setgid, 0), refused(os.chroot, "/tmp")]
result["groups"] = os.getgroups()
result["ids"] = [*os.getresuid(), *os.getresgid()]
result["namespace"] = subprocess.run(["unshare", "--user", "true"], capture_output=True).returncode
result["mount"] = subprocess.run(["mount", "-t", "tmpfs", "x", "/tmp"], capture_output=True).returncode
result["host name"] = refused(__import__("socket").sethostname, "canary")
result["priority"] = refused(os.setpriority, os.PRIO_PROCESS, 0, -5)
"""
    )
    assert found["capabilities"].keys() >= {"CapInh", "CapPrm", "CapEff", "CapAmb"}
    assert not any(found["capabilities"].values())
    assert found["no new"] == 1
    assert set(found["root"]) <= {"EPERM", "EINVAL"}
    assert found["mount"] and found["host name"] == "EPERM" and found["priority"] in ("EPERM", "EACCES")
    if "--disable-userns" in bubblewrap._help():
        assert found["namespace"]
    if IS_ROOT:
        (user,) = set(found["ids"])
        assert FIRST_USER <= user < FIRST_USER + USERS
        assert set(found["groups"]) <= {user}
    else:
        assert set(found["ids"]) == {os.getuid(), os.getgid()}


@pytest.mark.skipif(not IS_ROOT, reason="only root can give each sandbox a user of its own")
def test_two_sandboxes_have_different_users():
    assert inside("result = os.getuid()") != inside("result = os.getuid()")


def test_there_is_no_network_not_even_to_this_machine():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(f"\0{CANARY}")  # an abstract name: a file would be hidden anyway
        local.listen()
        server.settimeout(0.1), local.settimeout(0.1)
        found = inside(
            REFUSED
            + """
import socket
def to(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as connection:
        connection.settimeout(3)
        connection.connect(address)
result = {
    "interfaces": [name for _, name in socket.if_nameindex()],
    "here": refused(to, socket.AF_INET, ("127.0.0.1", port)),
    "by name": refused(to, socket.AF_UNIX, "\\0" + canary),
    "outside": refused(to, socket.AF_INET, ("192.0.2.1", 80)),
    "datagram": refused(to, socket.AF_INET, ("192.0.2.1", 53), socket.SOCK_DGRAM),
    "version 6": refused(to, socket.AF_INET6, ("2001:db8::1", 80)),
    "raw": refused(to, socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_RAW),
    "names": refused(socket.getaddrinfo, "example.org", 80) is not None,
}
""",
            port=server.getsockname()[1],
            canary=CANARY,
        )
        for listening in (server, local):
            with pytest.raises(TimeoutError):
                listening.accept()
    assert found.pop("interfaces") == ["lo"] and found.pop("names")
    unreachable = {"ENETUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"}
    assert found.pop("here") == found.pop("by name") == "ECONNREFUSED"
    assert found.pop("raw") in ("EPERM", "EPROTONOSUPPORT")
    assert set(found.values()) <= unreachable


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.alone("the system counts the processes of a user, and another process may have the same")
def test_files_processes_threads_and_cores_are_limited():
    found = inside(
        """
import resource, signal, subprocess, threading
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
names = ("CPU", "NPROC", "NOFILE", "FSIZE", "CORE", "DATA")
result = {name: resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in names}
def count(make):
    made = []
    try:
        while len(made) < 1000:
            made.append(make())
    except (OSError, RuntimeError):
        return len(made)
result["files"] = count(lambda: open("/dev/null"))
event, threads = threading.Event(), []
def thread():
    started = threading.Thread(target=event.wait)
    started.start()
    threads.append(started)
result["threads"] = count(thread)
event.set()
for started in threads:
    started.join()
def child():
    pid = os.fork()
    if not pid:
        signal.pause()
    return pid
result["children"] = count(child)
""",
        Limits(cpu=7, processes=20, open_files=50, file=3 * MIB, memory=19_999 * MIB),
    )
    assert 30 < found.pop("files") < 50
    assert 10 < found.pop("threads") < 20
    assert 10 < found.pop("children") < 20
    expected = {"CPU": [7, 12], "NPROC": [20, 20], "NOFILE": [50, 50], "FSIZE": [3 * MIB] * 2, "CORE": [0, 0]}
    assert found == expected | {"DATA": [19_999 * MIB] * 2}


GREEDY = """
import mmap, os, subprocess, time
import torch
calls = []

def count_calls():
    calls.append(1)
    return len(calls)

def touch(size):
    return bytearray(b"x") * size

def lists(size):
    kept = []
    while True:
        kept.append(touch(100 * 2**20))

def tensors(size):
    return torch.ones(size, dtype=torch.uint8).sum()

def children(size):
    for _ in range(8):
        if not os.fork():
            kept = touch(size // 6)
            time.sleep(60)
            os._exit(0)
    time.sleep(60)

def shared(size):
    memory = mmap.mmap(-1, size)
    for start in range(0, size, 2**20):
        memory[start : start + 2**20] = b"x" * 2**20
    time.sleep(60)

def files_in_memory(size):
    kept = []
    for _ in range(size // (32 * 2**20)):
        kept.append(os.memfd_create("canary"))
        os.write(kept[-1], b"x" * 32 * 2**20)
    time.sleep(60)

def fork_bomb(size):
    while True:
        try:
            os.fork()
        except OSError:
            pass
"""


@pytest.mark.alone("memory that no process owns is counted on the whole machine")
def test_memory_is_limited_in_one_process_in_several_and_where_no_process_owns_it():
    limit = 1200 * MIB
    with Worker(submission(GREEDY), limits=Limits(memory=limit, test=50)) as worker:
        for name in ("lists", "tensors"):  # the code itself gets an error, and the process goes on
            worker.new_test()
            with pytest.raises(AnswerError) as error:
                ask(worker).call(name, limit + 200 * MIB)
            assert (error.value.stopped, error.value.said) == ("memory", True), name
        assert ask(worker).call("count_calls").result == 1
        for name in ("children", "shared", "files_in_memory"):  # the watch stops it
            worker.new_test()
            ask(worker).call("count_calls")
            namespaces = process_namespaces(descendants()) - waiting
            with pytest.raises(AnswerError, match=r"used more than the 1200 MiB of memory that it has\.") as error:
                ask(worker).call(name, limit + 400 * MIB)
            assert (error.value.stopped, error.value.said) == ("memory", False), name  # before its time was up
            assert len(namespaces) == 1 and are_empty(namespaces)


@pytest.mark.alone("other sandboxes of its user, if any, could start no process")
def test_a_fork_bomb_is_stopped_and_nothing_of_it_is_left():
    with Worker(submission(GREEDY), limits=Limits(test=4, processes=40)) as worker:
        ask(worker).call("count_calls")
        namespaces = process_namespaces(descendants()) - waiting
        with pytest.raises(AnswerError) as error:
            ask(worker).call("fork_bomb", 0)
        assert error.value.stopped in ("memory", "processes", "time")  # each child counts with what it shares, too
        assert len(namespaces) == 1 and are_empty(namespaces)


BUSY = """
import hashlib, os, signal, subprocess, sys, threading, time

def spin():
    while True:
        pass

def spin_in_threads():
    def work():
        while True:
            hashlib.sha256(bytes(10**6))
    for _ in range(3):
        threading.Thread(target=work, daemon=True).start()
    time.sleep(600)

def never_give_up():
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            pass

def one():
    return 1
"""


@pytest.mark.parametrize("name", ["spin", "spin_in_threads"])
def test_processor_time_is_limited(name):
    with Worker(submission(BUSY), limits=Limits(cpu=5, test=300)) as worker:
        with pytest.raises(AnswerError, match="it used up 5 seconds of processor time") as error:
            ask(worker).call(name)
        assert (error.value.stopped, error.value.said) == ("cpu", False)


def test_an_endless_loop_that_swallows_exceptions_and_signals_is_stopped_by_the_clock():
    with Worker(submission(BUSY)) as worker:
        ask(worker).call("one")
        worker.limits = Limits(test=1)
        worker.new_test()
        namespaces = process_namespaces(descendants()) - waiting
        with pytest.raises(AnswerError) as error:
            ask(worker).call("never_give_up")
        assert error.value.stopped == "time"
        assert len(namespaces) == 1 and are_empty(namespaces)


LEFTOVERS = f"""
import os, subprocess, sys
def leave_processes():
    subprocess.Popen(["sleep", "{MARK}"])
    subprocess.Popen(["setsid", "nohup", "sleep", "{MARK}"], start_new_session=True)
    if not os.fork():
        os.setsid()
        if not os.fork():
            os.execvp("sleep", ["sleep", "{MARK}"])
        os._exit(0)
    os.wait()
    open("/tmp/{CANARY}", "w").close()
"""


@pytest.mark.parametrize("ended_by", ["the grader", "itself", "the clock"])
def test_background_processes_end_with_the_worker_whatever_ends_it(ended_by):
    last = {"the grader": "1", "itself": "os._exit(0)", "the clock": "__import__('time').sleep(600)"}[ended_by]
    source = f"{LEFTOVERS}\ndef finish():\n    {last}"
    with Worker(submission(source)) as worker:
        ask(worker).call("leave_processes")
        assert sleeping(3)
        if ended_by != "the grader":
            worker.limits = Limits(test=1 if ended_by == "the clock" else 30)
            worker.new_test()
            with pytest.raises(AnswerError):
                ask(worker).call("finish")
            assert sleeping(0)
    assert sleeping(0)


# --- what honest code needs -----------------------------------------------------------------------------------------


def test_what_an_honest_notebook_does_works():
    source = """
import getpass, io, os, tempfile, warnings
import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

def load_in_processes():
    batches = DataLoader(TensorDataset(torch.arange(8.0)), batch_size=2, num_workers=2)
    return [float(batch.sum()) for batch, in batches]

def save_and_load():
    with tempfile.TemporaryDirectory() as folder:
        torch.save({"x": torch.ones(3)}, f"{folder}/model.pt")
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(f"{folder}/image.png")
        return torch.load(f"{folder}/model.pt")["x"], Image.open(f"{folder}/image.png").size

def draw():
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    axes.set_title("$x^2$")
    file = io.BytesIO()
    figure.savefig(file)
    return len(file.getvalue()) > 1000

def learn():
    layer = torch.nn.Conv2d(3, 4, 3)
    layer(torch.rand(2, 3, 16, 16)).sum().backward()
    return layer.weight.grad.abs().sum() > 0

def who():
    return getpass.getuser(), os.path.expanduser("~")
"""
    with Worker(submission(source)) as worker:
        candidate = ask(worker)
        assert candidate.call("load_in_processes").result == [1, 5, 9, 13]
        weights, size = candidate.call("save_and_load").result
        assert weights.tolist() == [1, 1, 1] and size == (4, 4)
        assert candidate.call("draw").result is True
        assert bool(candidate.call("learn").result)
        assert candidate.call("who").result == ("student", "/tmp")
        assert worker.problems == []


# --- where there is no sandbox --------------------------------------------------------------------------------------


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder that alone is on PATH, and caches that forget what they learnt from it."""
    for cached in (bubblewrap._help, bubblewrap._without_namespaces):
        cached()  # of the true bwrap
    monkeypatch.setattr(bubblewrap, "_help", lambda: "")
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def put_program(folder: Path, name: str, script: str | None = None) -> None:
    if script is None:
        (folder / name).symlink_to(shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin"))
    else:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("missing", "package"), [("bwrap", "bubblewrap"), ("setpriv", "util-linux"), ("prlimit", "util-linux")]
)
def test_without_its_programs_nothing_is_graded(programs, missing, package):
    for name in {"bwrap", "setpriv", "prlimit"} - {missing}:
        put_program(programs, name)
    with pytest.raises(CourseError) as error:
        require_sandbox.__wrapped__()
    assert str(error.value).startswith("Nothing was graded: student code runs in a sandbox")
    assert f"{missing} is missing" in str(error.value) and f"`apt-get install {package}`" in str(error.value)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "echo 'bwrap: setting up uid map: Permission denied' >&2; echo more >&2; exit 1",
            "uid map: Permission denied)",
        ),
        ("exit 3", "(exit status 3)"),
    ],
)
def test_where_bubblewrap_may_not_make_a_sandbox_nothing_is_graded(programs, script, reason):
    for name in ("setpriv", "prlimit"):
        put_program(programs, name)
    put_program(programs, "bwrap", script)
    with pytest.raises(CourseError, match="bubblewrap may not make a sandbox here") as error:
        require_sandbox.__wrapped__()
    assert reason in str(error.value) and "kernel.unprivileged_userns_clone" in str(error.value)


def test_where_bubblewrap_may_make_a_sandbox_nothing_is_refused():
    require_sandbox.__wrapped__()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'no memory left' >&2; exit 1", "no memory left"),
        ("exit 0", "EOFError"),
        ("printf SGK2; exec /bin/sleep 600", "TimeoutError"),
        ("echo this is no greeting at all; exec /bin/sleep 600", "wrong header"),
    ],
)
def test_a_process_that_does_not_greet_is_the_fault_of_this_machine_and_no_mark(
    sandbox, programs, script, reason, monkeypatch
):
    if not isinstance(sandbox, Bubblewrap):
        sandbox = WarmBubblewrap()  # the one of the module has greeted already
        monkeypatch.setattr(worker_end, "Bubblewrap", lambda: sandbox)
        monkeypatch.setattr(warm_end, "IMPORT_SECONDS", 1)
    put_program(programs, "bwrap", script)
    monkeypatch.setattr(worker_end, "START_SECONDS", 1)
    with Worker(submission("x = 1")) as worker:
        for _ in range(2):
            with pytest.raises(CourseError, match="could not be started") as error:
                ask(worker).call("anything")
            assert reason in str(error.value)


def test_a_machine_without_memory_is_not_the_fault_of_the_code(monkeypatch):
    monkeypatch.setattr(worker_end, "exceeded", lambda *_, **__: Exceeded("memory"))
    with Worker(submission("x = 1")) as worker:
        for _ in range(2):
            with pytest.raises(CourseError, match="could not be started"):
                ask(worker).call("anything")


def test_without_a_sandbox_code_runs_all_the_same_and_the_verdict_says_so(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    source = f"""
import os, subprocess, sys, time
def surroundings():
    return dict(os.environ), os.getcwd(), os.listdir()
def start_many():
    for _ in range(20):
        subprocess.Popen(["sleep", "{MARK}"])
    time.sleep(600)
def close_pipes_and_wait():
    os.closerange(3, 100)
    time.sleep(600)
"""
    assert "unsafe" in NoSandbox().name and "unsafe" not in Bubblewrap().name
    with Worker(submission(source), limits=Limits(processes=8), sandbox=NoSandbox()) as worker:
        environment, folder, content = ask(worker).call("surroundings").result
        assert not set(SECRETS.values()) & set(environment.values())
        assert environment["HOME"] == folder and Path(folder).is_dir() and content == []
        with pytest.raises(AnswerError, match="it started too many processes") as error:
            ask(worker).call("start_many")
        assert error.value.stopped == "processes"
        assert not Path(folder).exists()
        with pytest.raises(AnswerError, match="it closed the pipe that answers go through") as error:
            ask(worker).call("close_pipes_and_wait")
        assert error.value.stopped == "protocol"


# --- forks of a process that has imported everything ----------------------------------------------------------------

THREADS = """
import torch

def multiply_in_threads():
    torch.set_num_threads(2)
    a = torch.rand(512, 512)
    return bool(torch.allclose((a @ a).sum(0), a.sum(0) @ a)), torch.get_num_threads()

def wait_for_ever():
    __import__("time").sleep(600)
"""


def test_threads_work_in_a_fork(warm):
    with Worker(submission(THREADS), limits=Limits(test=20), sandbox=warm) as worker:
        assert ask(worker).call("multiply_in_threads").result == (True, 2)


def test_forks_share_nothing_that_one_of_them_changes(warm):
    source = (
        "import torch, segkit\ndef spoil():\n    torch.matmul = segkit.check = None\n    return torch.matmul is None"
    )
    with Worker(submission(source), sandbox=warm) as first, Worker(submission(source), sandbox=warm) as second:
        assert ask(first).call("spoil").result is True
        assert ask(second).call("spoil").result is True
    with Worker(submission("import torch\ndef whole():\n    return torch.matmul is None"), sandbox=warm) as third:
        assert ask(third).call("whole").result is False


def test_a_fork_ends_when_nobody_listens_to_it_any_more(warm):
    process = warm.launch(Limits(), "cpu")
    process.answers.read(12)
    assert psutil.pid_exists(process.pid)
    process._link.close()  # as when the grader is killed
    assert are_gone({process.pid})
    process._close()


def test_two_at_a_time_share_no_namespace_and_no_folder():
    source = """
import os
def namespaces():
    return sorted(os.readlink(f"/proc/self/ns/{name}") for name in ("pid", "net", "ipc", "uts", "mnt", "user"))
def leave():
    return [open(f"{folder}/note", "w").close() for folder in ("/tmp", "/dev/shm")]
def seen():
    return os.listdir("/tmp"), os.listdir("/dev/shm"), len([name for name in os.listdir("/proc") if name.isdigit()])
"""
    with Worker(submission(source)) as first, Worker(submission(source)) as second:
        before = ask(second).call("seen").result
        ask(first).call("leave")
        assert ask(second).call("seen").result == before
        ours, theirs = (set(ask(one).call("namespaces").result) for one in (first, second))
        assert len(ours) == len(theirs) == 6 and not ours & theirs
        assert not (ours | theirs) & {os.readlink(f"/proc/self/ns/{name}") for name in ("pid", "net", "ipc", "mnt")}


def test_a_process_that_is_lost_with_the_forking_one_is_no_crash_of_the_code():
    with WarmBubblewrap() as sandbox, Worker(submission(THREADS), limits=Limits(test=20), sandbox=sandbox) as worker:
        ask(worker).call("multiply_in_threads")
        forking = sandbox._forkers["cpu"].process
        Timer(0.5, lambda: os.killpg(forking.pid, signal.SIGKILL)).start()
        with pytest.raises(AnswerError, match="was lost with others on this machine") as error:
            ask(worker).call("wait_for_ever")
        assert error.value.stopped == "memory" and worker.doubtful  # not kept, and tried again alone
        assert ask(worker).call("multiply_in_threads").result == (True, 2)


def test_a_forking_process_that_was_killed_is_started_anew():
    with WarmBubblewrap() as sandbox:
        for _ in range(2):
            with Worker(submission("def one():\n    return 1"), sandbox=sandbox) as worker:
                assert ask(worker).call("one").result == 1
            sandbox._forkers["cpu"].process.kill()
            sandbox._forkers["cpu"].process.wait()


def test_what_the_system_refuses_a_fork_is_the_fault_of_this_machine(warm, monkeypatch):
    monkeypatch.setattr(warm_end, "limits_of_process", lambda limits, device: {"NOFILE": (2**40, 2**40)})
    refused = pytest.raises(CourseError, match=r"could not be started \(.*limit")
    with Worker(submission("x = 1"), sandbox=warm) as worker, refused:
        ask(worker).call("anything")
