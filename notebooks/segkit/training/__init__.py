"""Training a segmentation model with Lightning: devices, mixed precision, checkpoints, resume and logs.

`fit` is all that a notebook needs. It trains with the student's own loss, confusion matrix and mean IoU; what it uses,
`SegmentationTask` and `make_trainer`, serves whoever wants to change more than its arguments.

The recipe is that of the SegFormer paper (Xie et al. 2021, arXiv 2105.15203, section 4.1): AdamW, a ten times higher
learning rate in the decoder, and the "poly" schedule with power 1 after a linear warm-up.
"""

from segkit.training.history import History, read_history
from segkit.training.optimiser import learning_rate_factor
from segkit.training.resume import load_best
from segkit.training.running import fit
from segkit.training.settings import choose_precision
from segkit.training.task import SegmentationTask
from segkit.training.trainer import make_trainer

__all__ = [
    "History",
    "SegmentationTask",
    "choose_precision",
    "fit",
    "learning_rate_factor",
    "load_best",
    "make_trainer",
    "read_history",
]
