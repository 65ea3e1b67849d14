"""The public checks of the intro assignment, the warm-up, in the order of its notebook."""

from segkit.tasks.intro.warmup import TASKS

__all__ = ["TASKS"]
