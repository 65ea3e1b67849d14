"""The public checks of the competition, in the order of its notebooks."""

from segkit.tasks.competition import board, ladder, streets, training

TASKS = (*streets.TASKS, *training.TASKS, *ladder.TASKS, *board.TASKS)
