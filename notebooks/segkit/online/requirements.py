"""Installs what a session lacks, and changes nothing that it has."""

import importlib
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from segkit.errors import CourseError

# They fit the machine's GPU and drivers, as whoever set it up knows best.
NEVER = ("torch", "torchvision")
# As pip reads it (PEP 440); one "2.22.1ubuntu1" of the system's packages, and it reads no constraint at all.
_VERSION = re.compile(
    r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+([._-][a-z0-9]+)*)?", re.IGNORECASE
)
_THERE = ("jupyterlab", "ipykernel")  # the notebook is open already, and some other program shows it


def missing(requirements: Path) -> list[str]:
    """The lines of a requirements file whose package is not installed, whatever the version; without Jupyter's.

    Raises:
        CourseError: if PyTorch is missing.
    """
    lines = [line.split("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines()]
    named = {re.split(r"[^\w.-]", line, maxsplit=1)[0]: line for line in lines if line}
    lacking = [name for name in named if name not in _THERE and not _is_installed(name)]
    if never := [name for name in NEVER if name in lacking]:
        pins = ", ".join(named[name] for name in never)
        raise CourseError(
            f"{' and '.join(never)} is not installed here, and the course does not choose one for this machine: "
            f"install it as https://pytorch.org says (the course was made with {pins})."
        )
    return [named[name] for name in lacking]


def install_missing(requirements: Path) -> list[str]:
    """Install what `missing` names, with pip, for this Python; what is installed stays at its version.

    Returns:
        What was installed.

    Raises:
        CourseError: if PyTorch is missing, or pip cannot install the rest beside what is there.
    """
    lacking = missing(requirements)
    if lacking:
        print(f"Installing {', '.join(lacking)} ...", flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            fixed = Path(scratch) / "constraints.txt"
            fixed.write_text("\n".join(_installed()) + "\n", encoding="utf-8")
            _pip("install", "--quiet", "--progress-bar", "off", "--constraint", str(fixed), *lacking)
        importlib.invalidate_caches()
    return lacking


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _installed() -> list[str]:
    """Every installed package with its version, as constraints for pip."""
    found: dict[str, str] = {}
    for one in metadata.distributions():  # the first of a name is the one that is imported
        if (name := one.metadata["Name"]) and _VERSION.fullmatch(one.version or ""):
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), one.version)
    return sorted(f"{name}=={version}" for name, version in found.items())


def _pip(*arguments: str) -> None:
    call = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run(call, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        reasons = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")] or lines[-1:]
        raise CourseError(
            f"What the course needs cannot be installed beside what is here ({' '.join(reasons[:2])[:400]}); nothing "
            "was changed. Is there a network? In Kaggle: Settings > Internet."
        )
