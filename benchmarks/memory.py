"""The memory of this process."""

from pathlib import Path

import psutil

MIB = 2**20


def forget_peak() -> None:
    """Let the peak begin with what is resident now, where the system can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_memory() -> float:
    """The most memory that was resident in this process so far, MiB."""
    try:
        import resource
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset / MIB
    status = Path("/proc/self/status")
    if status.exists():  # on Linux ru_maxrss begins with what the parent had when it started this process
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB  # bytes on macOS
