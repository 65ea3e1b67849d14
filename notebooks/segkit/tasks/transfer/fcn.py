"""Public checks of 02_fcn."""

TASKS = ()
