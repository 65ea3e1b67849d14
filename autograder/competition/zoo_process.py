"""The process in which a model of the zoo is asked: this machine's own libraries, within the limits of a sandbox.

An entry of the zoo brings tensors and no code, and these have been read on this side: there is nothing to lock in. What
a process of its own gives is an end: a model that takes too long, too much memory, or crashes takes nothing with it.
"""

from dataclasses import dataclass

from autograder.sandbox.bubblewrap import PROGRAM, NoSandbox, limits_of_process
from autograder.sandbox.limits import Limits
from autograder.sandbox.process import SandboxProcess, StartedProcess
from autograder.sandbox.worker import Submission
from segkit.student import Cell

BUILD = "build_model"
MODELS = Submission("competition", "zoo", {"zoo": [Cell(1, f"from segkit.competition.zoo import {BUILD}")]})


@dataclass(frozen=True)
class LimitedProcess(NoSandbox):
    """An ordinary process, limited by `prlimit` in processor time, memory, and files, and watched like any other."""

    name: str = "none: a model of the zoo, no code of a student"

    def launch(self, limits: Limits, device: str) -> SandboxProcess:
        """A process that starts with the interpreter."""
        named = limits_of_process(limits, device)
        del named["NPROC"]  # would count all processes of whoever grades
        options = [f"--{name.lower()}={soft}:{hard}" for name, (soft, hard) in named.items()]
        return StartedProcess(["prlimit", *options, *PROGRAM], self.environment, own_folder=False)
