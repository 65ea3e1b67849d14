"""Public checks of 01_streets."""

TASKS = ()
