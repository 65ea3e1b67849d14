"""Public checks of 01_data_and_metric."""

TASKS = ()
