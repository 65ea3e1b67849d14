"""Neutral stand-ins for earlier tasks and for what they work on, by the names that a notebook gives them."""

from segkit.tasks.transfer import metric_doubles, module_doubles, training_doubles

DOUBLES = {**metric_doubles.DOUBLES, **module_doubles.DOUBLES, **training_doubles.DOUBLES}
