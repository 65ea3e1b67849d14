"""Google Drive, without Google: a folder."""

import os
from pathlib import Path


def mount(mountpoint: str) -> None:
    if "COLAB_REFUSES_DRIVE" in os.environ:
        raise ValueError("mount failed")
    (Path(mountpoint) / "MyDrive").mkdir(parents=True, exist_ok=True)
    print(f"Mounted at {mountpoint}")
