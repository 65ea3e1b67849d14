"""A clone of the course in which commands are typed, with the environment that it would make for itself."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from autograder.paths import ROOT

GIT = ["git", "-c", "user.name=test", "-c", "user.email=test@example.edu", "-c", "init.defaultBranch=main"]


def make_origin(folder: Path) -> Path:
    """A repository with one commit: the course's files as they stand here, changed and new ones, too."""
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for call in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=the course"]):
        subprocess.run([*GIT, *call], cwd=folder, check=True)
    return folder


def lend_environment(clone: Path) -> None:
    """This interpreter's environment as the clone's `.venv`: `make` finds it newer than all that it is made from."""
    installed = Path(sys.prefix) / "installed"
    assert installed.is_file(), f"{sys.prefix} was not made by `make environment`: run the tests with `make test`."
    (clone / ".venv").symlink_to(sys.prefix)
    makefile = (clone / "Makefile").read_text(encoding="utf-8")
    (made_from,) = re.findall(r"^\$\(VENV\)/installed:(.*)$", makefile, re.MULTILINE)
    for name in made_from.split():
        os.utime(clone / name, times=(0, 0))


def run(command: str, folder: Path, clone: Path, **variables: str) -> subprocess.CompletedProcess:
    """Type a command in a folder, in the clone's activated environment; output and errors together.

    The clone's own code is imported, wherever this environment has the course installed from, and pip reaches nothing.
    """
    own = {"PYTHONPATH": os.pathsep.join([str(clone), str(clone / "notebooks")]), "PIP_NO_INDEX": "1"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MAKE", "DATA"))}
    return subprocess.run(
        ["bash", "-c", f"source {clone}/.venv/bin/activate && {command}"],
        cwd=folder,
        env={**kept, **own, "OMP_NUM_THREADS": "1", "EDITOR": "true", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
