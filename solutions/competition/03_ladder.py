# %% [markdown]
# # 3 · The ladder
#
# One trick after another, and what each of them bought.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor

from segkit import check, student_code
