# %% [markdown]
# # 2 · Training
#
# A schedule, two losses and a second head.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor

from segkit import check, student_code
