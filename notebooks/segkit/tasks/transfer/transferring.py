"""Public checks of 04_transfer."""

TASKS = ()
