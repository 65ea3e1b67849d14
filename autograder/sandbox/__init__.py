"""Where a submission's code runs: a process behind bubblewrap, watched from outside and asked over two pipes."""

from autograder.sandbox.bubblewrap import Bubblewrap, NoSandbox, Sandbox, require_sandbox
from autograder.sandbox.limits import Limits
from autograder.sandbox.worker import Submission, Worker, require_device

__all__ = [
    "Bubblewrap",
    "Limits",
    "NoSandbox",
    "Sandbox",
    "Submission",
    "Worker",
    "require_device",
    "require_sandbox",
]
