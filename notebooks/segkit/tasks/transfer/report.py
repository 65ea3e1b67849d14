"""Public checks of 05_report."""

TASKS = ()
