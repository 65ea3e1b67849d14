"""Where a notebook runs: in Colab, in Kaggle, or elsewhere."""

import os
import sys
from pathlib import Path

COLAB, KAGGLE, ELSEWHERE = "Colab", "Kaggle", "elsewhere"
_BASE = "SEGFORMER_COURSE_BASE"


def place() -> str:
    """COLAB, KAGGLE or ELSEWHERE."""
    if "google.colab" in sys.modules:
        return COLAB
    return KAGGLE if "KAGGLE_KERNEL_RUN_TYPE" in os.environ else ELSEWHERE


def base_folder() -> Path:
    """The working directory in which the session began: `/content` in Colab, `/kaggle/working` in Kaggle."""
    # Remembered outside of Python's modules: the first cell may run again, after the directory was changed.
    return Path(os.environ.setdefault(_BASE, str(Path.cwd())))
