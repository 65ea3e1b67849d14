"""A submission's process as the trusted side holds it: two pipes, a number, an end. Started anew, or forked."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import BinaryIO, Protocol

from segkit.errors import CourseError

OF_A_SHELL = 128  # bubblewrap, like a shell, exits with this plus the signal that ended the program


class SandboxProcess(Protocol):
    """The process of a submission's code. `pid`: of the first one, as this side numbers it.

    `lost`: it ended with what watched over it, which is out of the reach of a submission.
    """

    requests: BinaryIO
    answers: BinaryIO
    pid: int
    lost: bool

    def status(self) -> int | None:
        """None while it runs, then its exit status, or minus the signal that ended it."""

    def last_words(self) -> str:
        """What it said when it could not be started."""

    def kill(self) -> None:
        """End it and all that it started, and wait for that."""


class StartedProcess:
    """A process of its own, from a command line. Without a folder that it brings, it works in a temporary one.

    `user`: as whom the command will run, if nobody else does; the folder is theirs, and all they run ends with it.
    """

    lost = False

    def __init__(self, command: list[str], environment, *, own_folder: bool, user: int | None = None) -> None:
        self._folder, self._user = None if own_folder else tempfile.mkdtemp(prefix="submission-"), user
        if user is not None:
            os.chown(self._folder, user, user)
        folder = self._folder or "/"
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment(folder),
            start_new_session=True,
        )
        self.requests, self.answers = self._process.stdin, self._process.stdout
        self.pid = self._process.pid

    def status(self) -> int | None:
        """As `Popen.poll`, but the process stays a zombie: its number names the group that `kill` ends, and must not
        become somebody else's before."""
        found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        if found.si_code != os.CLD_EXITED:
            return -found.si_status
        signalled = found.si_status - OF_A_SHELL
        return -signalled if signalled in set(signal.Signals) else found.si_status

    def last_words(self) -> str:
        """The last line of its errors."""
        os.set_blocking(self._process.stderr.fileno(), False)
        text = self._process.stderr.read(4096) or b""
        return (text.decode(errors="replace").strip().splitlines() or [""])[-1]

    def kill(self) -> None:
        """The whole session: with bubblewrap goes the first process of its namespace, and with that all others."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if self._user is not None:
            _end_all_of(self._user)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe.close()
        self._process.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class ForkedProcess:
    """A process that `inside/forking.py` forks on an order; `link` is our end of what it tells about it.

    Raises:
        OSError: if the kernel does not allow it, or nobody is there to fork.
    """

    def __init__(self, order: dict, control: socket.socket) -> None:
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs_requests, ours_requests = os.pipe()
        ours_answers, theirs_answers = os.pipe()
        self.requests, self.answers = os.fdopen(ours_requests, "wb", 0), os.fdopen(ours_answers, "rb", 0)
        self._handle: int | None = None
        self._ended: int | None = None
        self._said, self.lost = "", False
        try:
            with theirs, os.fdopen(theirs_requests, "rb"), os.fdopen(theirs_answers, "wb"):
                socket.send_fds(
                    control, [json.dumps(order).encode()], [theirs.fileno(), theirs_requests, theirs_answers]
                )
            text, handles, _, _ = socket.recv_fds(self._link, 1 << 12, 1)
            if not handles:
                told = json.loads(text) if text else {"error": "the process that forks ended"}
                raise OSError(told.get("error", "no process was made"))
            self._handle = handles[0]
            self.pid = _number(self._handle)
        except BaseException:
            self._close()
            raise

    def status(self) -> int | None:
        """As it was told; of a process that is lost, nothing is told any more."""
        if self._ended is None:
            try:
                text = self._link.recv(1 << 12, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            told, self.lost = json.loads(text) if text else {}, not text
            self._ended, self._said = told.get("status", -signal.SIGKILL), told.get("error", "")
        return self._ended

    def last_words(self) -> str:
        """What the system refused it."""
        self.status()
        return self._said

    def kill(self) -> None:
        """End the first process of its namespace, and with that all others; wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        if self._ended is None:
            self._link.recv(1 << 12)
        self._close()

    def _close(self) -> None:
        self._link.close()
        self.requests.close()
        self.answers.close()
        if self._handle is not None:
            os.close(self._handle)


def _end_all_of(user: int) -> None:
    """Also what left the session: without a namespace of their own, nothing else ends such processes.

    The kernel does it in one go, for whoever asks as that user, so that no fork gets away.
    """
    subprocess.run(["sh", "-c", "kill -s KILL -- -1"], user=user, group=user, extra_groups=[], check=False)


def _number(handle: int) -> int:
    """The process number behind a pidfd, as this side's /proc has it."""
    lines = Path(f"/proc/self/fdinfo/{handle}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


def no_process(reason: str) -> CourseError:
    """That a process could not be had, and what to do about it: no student's code had a part in it."""
    return CourseError(
        f"The process for a submission's code could not be started ({reason}): "
        "look whether memory, disk or processes ran out here, and grade again."
    )
