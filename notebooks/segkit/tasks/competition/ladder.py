"""Public checks of 03_ladder."""

TASKS = ()
