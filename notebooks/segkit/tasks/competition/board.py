"""Public checks of 04_competition."""

TASKS = ()
