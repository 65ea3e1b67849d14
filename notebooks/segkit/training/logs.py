"""Where a run is logged: CSV and TensorBoard always, Weights & Biases if it is asked for."""

import importlib.util
import uuid
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from segkit.training.settings import require


def make_loggers(out: Path, resume_step: int, wandb_project: str | None = None) -> list[Logger]:
    """A resumed run continues its curves, and gets a CSV file of its own (`read_history` joins them).

    Raises:
        CourseError: if `wandb_project` is given and wandb is not installed.
    """
    versions = [int(folder.name.split("_")[1]) for folder in out.glob("tensorboard/version_*")]
    version = max(versions) if versions and resume_step else len(versions)
    options = {"default_hp_metric": False} | ({"purge_step": resume_step} if resume_step else {})
    loggers = [CSVLogger(out, name="csv"), TensorBoardLogger(out, name="tensorboard", version=version, **options)]
    return loggers if wandb_project is None else [*loggers, _wandb_logger(out, resume_step, wandb_project)]


def _wandb_logger(out: Path, resume_step: int, project: str) -> WandbLogger:
    require(
        importlib.util.find_spec("wandb") is not None,
        f'wandb_project="{project}" needs Weights & Biases: install it with "pip install wandb" and restart the '
        "kernel, or leave wandb_project out.",
    )
    file = out / "wandb_run.txt"
    if not (resume_step and file.is_file()):
        out.mkdir(parents=True, exist_ok=True)
        file.write_text(uuid.uuid4().hex[:8])
    return WandbLogger(project=project, name=out.name, save_dir=out, id=file.read_text(), resume="allow")
