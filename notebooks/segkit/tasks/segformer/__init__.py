"""The public checks of the SegFormer assignment, in the order of its notebooks."""

from segkit.tasks.segformer import data, fast_decoder, model, modules, results

TASKS = (*data.TASKS, *modules.TASKS, *model.TASKS, *fast_decoder.TASKS, *results.TASKS)
