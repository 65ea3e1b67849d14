"""The one exception that a reader of the course is meant to see."""


class CourseError(Exception):
    """Something the reader can put right: one sentence that says what is wrong, where, and what to do.

    Whoever runs a command line or a notebook sees the sentence and no traceback of ours: the scripts print it to
    stderr and exit with status 2.
    """

    def _render_traceback_(self) -> list[str]:
        """What Jupyter shows instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]
