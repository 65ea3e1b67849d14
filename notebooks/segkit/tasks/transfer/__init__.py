"""The public checks of the transfer assignment, in the order of its notebooks."""

from segkit.tasks.transfer import fcn, metric, modules, report, transferring

TASKS = (*metric.TASKS, *fcn.TASKS, *modules.TASKS, *transferring.TASKS, *report.TASKS)
