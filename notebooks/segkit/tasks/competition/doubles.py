"""Neutral stand-ins for earlier tasks and for what they work on, by the names that a notebook gives them."""

from segkit.tasks.competition import board_doubles, ladder_doubles, streets_doubles, training_doubles

DOUBLES = {
    **streets_doubles.DOUBLES,
    **training_doubles.DOUBLES,
    **ladder_doubles.DOUBLES,
    **board_doubles.DOUBLES,
}
