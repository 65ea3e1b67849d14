"""A weaker place for a submission's process, where no namespaces can be had: another user, and limits.

Such is a container without the right to make namespaces, as Docker starts it by default, in which the grader is root.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.sandbox.bubblewrap import PASSED_ON, PROGRAM, as_user, limited, next_user, worker_environment
from autograder.sandbox.limits import Limits
from autograder.sandbox.process import SandboxProcess, StartedProcess
from segkit.errors import CourseError

WEAKER = (
    "Student code ran as another user without privileges, not in bubblewrap's namespaces. It could neither read the "
    "hidden tests, the reference and the secret nor write results, and had limits of time, memory and processes; but "
    "it could reach the network as far as this container does, read whatever every user of the container may read, "
    "see which processes run, and fill the container's temporary folders."
)


@dataclass(frozen=True)
class OtherUser:
    """A user without privileges for each process, who may read what everybody may.

    `course`: a folder that everybody may read, with `segkit` in it and nothing else of the project.
    """

    course: Path
    name: str = "other user: weaker, without namespaces"

    def launch(self, limits: Limits, device: str) -> SandboxProcess:
        """A process that starts with the interpreter."""
        user = next_user()
        command = [*limited(limits, device), *as_user(user), *PROGRAM]
        return StartedProcess(command, self.environment, own_folder=False, user=user)

    def environment(self, folder: str) -> dict[str, str]:
        """Nothing of the grader's own but language and devices."""
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return worker_environment(folder, str(self.course)) | passed


def require_other_user(secrets: Iterable[Path]) -> None:
    """Refuse to grade where code cannot be given to another user, or where that user could read what must stay secret.

    Raises:
        CourseError: saying what is the matter.
    """
    if os.geteuid() != 0:
        raise CourseError("Nothing was graded: only root can run student code as another user.")
    for program in ("setpriv", "prlimit"):
        if shutil.which(program) is None:
            raise CourseError(f"Nothing was graded: {program} is missing (package util-linux).")
    user = as_user(next_user())
    probe = subprocess.run([*user, sys.executable, "-S", "-c", ""], capture_output=True, text=True)
    if probe.returncode:
        reason = (probe.stderr.strip().splitlines() or [f"exit status {probe.returncode}"])[-1]
        raise CourseError(f"Nothing was graded: Python cannot be run as another user ({reason}).")
    for path in secrets:
        if subprocess.run([*user, "test", "-r", str(path)], capture_output=True).returncode == 0:
            raise CourseError(f"Nothing was graded: every user here may read {path}.")
