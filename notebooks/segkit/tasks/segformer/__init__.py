"""The public checks of the SegFormer assignment, in the order of its notebooks."""

from segkit.tasks.segformer import modules

TASKS = (*modules.TASKS,)
