"""Public checks of 02_training."""

TASKS = ()
