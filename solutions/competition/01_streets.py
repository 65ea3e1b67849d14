# %% [markdown]
# # 1 · Streets
#
# 150 photographs from a car, 19 classes, and one question: which model gives the most for what it costs?

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor

from segkit import check
