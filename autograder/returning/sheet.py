"""`marks.txt`: what a submission earned, task by task, for whoever handed it in."""

from collections.abc import Sequence

from autograder.course.marks import Mark, counted

NAME = "marks.txt"


def marks_sheet(assignment: str, marks: Sequence[Mark], late_penalty: float, *, group: str | None = None) -> str:
    """The points of each task by notebook, the bonus, what being late costs, and the total as it counts.

    Args:
        group: the group with its members, if one handed it in.
    """
    rows: list[tuple[str, str]] = []
    for notebook in dict.fromkeys(mark.notebook for mark in marks):
        rows.append((notebook, ""))
        rows += [(f"  {mark.cell}", _points(mark)) for mark in marks if mark.notebook == notebook]
    maximum = sum(mark.maximum for mark in marks)
    earned = sum(mark.score or 0.0 for mark in marks)
    bonus = sum(mark.score or 0.0 for mark in marks if mark.bonus)
    rows += (
        [("", ""), ("bonus, on top of the others", f"{bonus:g}")] if any(mark.bonus for mark in marks) else [("", "")]
    )
    rows += [("handed in late", f"-{late_penalty:g}")] if late_penalty else []
    rows.append(("total", f"{counted(earned, maximum, late_penalty):g} of {maximum:g}"))
    width = max(len(name) for name, _ in rows)
    lines = [f"{name.ljust(width)}  {points}".rstrip() for name, points in rows]
    if earned > maximum:
        lines.append(f"No more than {maximum:g} points count, bonus included.")
    if waiting := sum(mark.score is None for mark in marks):
        lines.append(f"{waiting} answers are not marked yet and count 0 so far.")
    return "\n".join([assignment, *([f"handed in by {group}"] if group else []), "", *lines]) + "\n"


def _points(mark: Mark) -> str:
    if mark.score is None:
        return "not marked yet"
    return f"{mark.score:g} (bonus)" if mark.bonus else f"{mark.score:g} of {mark.maximum:g}"
