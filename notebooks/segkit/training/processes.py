"""Several devices: how the processes are made that share the work."""

import multiprocessing
import sys

import torch
from lightning.pytorch import Callback, Trainer

from segkit.loader import can_be_sent, forks
from segkit.training.settings import check_whole, require


def choose_strategy(devices: int, kind: str, sent=()) -> str:
    """Lightning's name for the way to train on so many devices here, such that `fit` returns where it was called.

    Args:
        kind: cpu, cuda or mps; on a CPU a device is a process.
        sent: all that new processes need: model, data, functions.

    Raises:
        CourseError: if there are not so many devices, or new processes would not know what a notebook defined.
    """
    check_whole("devices", devices)
    if devices == 1:
        return "auto"
    found = {"mps": 1, "cuda": torch.cuda.device_count() if kind == "cuda" else 0}.get(kind, devices)
    require(devices <= found, f"devices={devices} is asked for, but there is {found} here: use devices={found}.")
    forked = forks()
    if forked and not (kind == "cuda" and torch.cuda.is_initialized()) and _copies_can_train():
        return "ddp_fork"
    require(
        not hasattr(sys, "ps1") and can_be_sent(sent),
        f"devices={devices} needs new processes, which cannot see what a notebook defines"
        + (", nor compute gradients after this process has done so: " if forked else " on this system: ")
        + ("restart the kernel and train before anything else, " if forked else "use devices=1, ")
        + "or train in a script whose classes and functions are at its top level.",
    )
    return "ddp_spawn"


def _copies_can_train() -> bool:
    """Where backward passes run in threads, as on a machine with a GPU, torch refuses them in a copy of the process."""
    process = multiprocessing.get_context("fork").Process(target=_compute_a_gradient)
    process.start()
    process.join()
    return process.exitcode == 0


def _compute_a_gradient():
    torch.set_num_threads(1)
    try:
        torch.ones(1, requires_grad=True).sum().backward()
    except RuntimeError:
        sys.exit(1)


def run(trainer: Trainer, *args, **kwargs):
    """`trainer.fit`, whose processes end with it, whatever happens."""
    try:
        trainer.fit(*args, **kwargs)
    finally:
        for process in getattr(trainer.strategy.launcher, "procs", []):
            if process.is_alive():
                process.kill()  # Lightning's take SIGTERM for a wish; a checkpoint that is being written takes no harm
                process.join()


class OneThread(Callback):
    """A process that is forked from one that has computed in several threads would wait for them forever."""

    def setup(self, trainer, task, stage):
        if trainer.world_size > 1 and trainer.strategy.root_device.type == "cpu":
            torch.set_num_threads(1)
