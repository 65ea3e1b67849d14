"""An exception in a student's code, said in one sentence."""

import errno
import linecache
import re
import socket
import sys
import traceback
from pathlib import Path

from segkit.checking.objects import MissingName
from segkit.errors import CourseError

_SEGKIT = str(Path(__file__).resolve().parents[1])
_LIBRARIES = tuple({_SEGKIT, str(Path(sys.prefix).resolve()), str(Path(sys.base_prefix).resolve())})
# Layers that the module does not know of stay behind when it is moved to another dtype or device.
_UNREGISTERED = re.compile("dtype|same (datatype|device)")
# PyTorch raises NotImplementedError too, where it has no such operation for a dtype or device.
_OF_TORCH = re.compile("not implemented for|Could not run")
MAX_MESSAGE = 300
UNWRITTEN = "This part is not written yet"  # how a stub's answer begins
# What a sandbox answers where a notebook has no business: the network, files of others, what only root may do.
_FORBIDDEN = {errno.EPERM, errno.EACCES, errno.EROFS, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH}
_NO_MEMORY = re.compile("can't allocate memory|out of memory", re.IGNORECASE)


def describe_error(error: BaseException) -> dict[str, str]:
    """A worker's reply to a request that ended with `error`: a sentence, its type, and what stopped it, if known."""
    reply = {"error": explain_error(error), "kind": type(error).__name__}
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _NO_MEMORY.search(_message(error))):
        reply["stopped"] = "memory"
    elif isinstance(error, OSError) and (error.errno in _FORBIDDEN or isinstance(error, socket.gaierror)):
        reply["stopped"] = "forbidden access"
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        reply["stopped"] = "disk"
    return reply


def explain_error(error: BaseException) -> str:
    """What the student's code raised, and where in their notebook."""
    if isinstance(error, (MissingName, CourseError)):
        return str(error)
    message = _message(error)
    if isinstance(error, NotImplementedError) and not _OF_TORCH.search(message):
        return f"{UNWRITTEN}{f' ({message})' if message else ''}."
    kind = type(error).__name__
    sentence = f"Your code raised {kind}{': ' + message if message else ''}{_where(error)}."
    if isinstance(error, RuntimeError) and _UNREGISTERED.search(message):
        sentence += " Are all layers registered, in attributes or an nn.ModuleList and not in a plain list or dict?"
    return sentence


def _message(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())[:MAX_MESSAGE]
    except Exception:  # the student's own exception class, whose __str__ fails
        return ""


def _where(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_students(frame.filename)]
    if not frames:
        return ""
    frame = frames[-1]
    place = frame.filename.strip("<>") if frame.filename.startswith("<") else "this notebook"
    line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    return f" (in {frame.name}, {place}{': `' + line + '`' if line else ''})"


def _is_students(filename: str) -> bool:
    if filename.startswith("<cell "):
        return True
    if "ipykernel_" in filename:
        return True
    # Resolved: a notebook imports segkit through a path with ".." in it.
    return not filename.startswith("<") and not str(Path(filename).resolve()).startswith(_LIBRARIES)
