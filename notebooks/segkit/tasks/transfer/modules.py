"""Public checks of 03_segformer."""

TASKS = ()
