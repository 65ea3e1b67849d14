"""The points of an assignment: whether they add up, and whether marks were given for other ones."""

from nbgrader.api import Gradebook, MissingEntry

from autograder.paths import find_programs_beside_interpreter
from autograder.sources import AUTOMATIC, BONUSES, BY_HAND, MACHINE_GRADED, Source

TOTALS = (100.0, 10.0)  # what points may add up to: a whole course, or a warm-up


def wrong_points(sources: list[Source]) -> list[str]:
    """What is wrong with the points of an assignment, a sentence each; an empty list is good news.

    They add up to one of `TOTALS`, a bonus not counted; every check, bonus and written answer carries some; ids are
    unique.
    """
    cells = [cell for source in sources for cell in source.cells if cell.role in (*MACHINE_GRADED, BY_HAND)]
    total = sum(cell.points for cell in cells if cell.role not in BONUSES)
    allowed = " or ".join(f"{number:g}" for number in TOTALS)
    each = ", ".join(f"{cell.id} {cell.points:g}" for cell in cells if cell.role not in BONUSES)
    problems = [] if total in TOTALS else [f"The points add up to {total:g}, not to {allowed}: {each}."]
    problems += [f'The cell "{cell.id}" carries no points.' for cell in cells if cell.points <= 0]
    ids = [cell.id for cell in cells]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    return problems + [f'Two graded cells are called "{name}".' for name in twice]


def outdated_marks(sources: list[Source], assignment: str, db_url: str) -> str | None:
    """What to do about submissions that were graded with other points than the sources give now, or None.

    When an assignment is released again, nbgrader takes the new maxima and leaves every mark as it is.
    """
    find_programs_beside_interpreter()
    with Gradebook(db_url) as gradebook:
        try:
            notebooks = gradebook.find_assignment(assignment).notebooks
        except MissingEntry:
            return None
        graded = len(gradebook.assignment_submissions(assignment))
        known = {cell.name: cell.max_score for notebook in notebooks for cell in notebook.grade_cells}
    automatic, by_hand = (_changes(sources, role, known) for role in (AUTOMATIC, BY_HAND))
    automatic += _became_bonus(sources, known)
    if not graded or not (automatic or by_hand):
        return None
    steps = []
    if automatic:
        steps.append(f"run `nbgrader autograde {assignment} --force`")
    if by_hand:
        steps.append("give the marks for written answers again in formgrader")
    return (
        f"The points of {assignment} changed ({', '.join(automatic + by_hand)}) and {graded} graded submission(s) have "
        f"marks for the old ones: {', and '.join(steps)}."
    )


def _changes(sources: list[Source], role: str, known: dict[str, float]) -> list[str]:
    """`attention 12 -> 10` for each cell of that role that the gradebook knows with other points."""
    now = {name: points for source in sources for name, points in source.points(role).items()}
    return [f"{name} {known[name]:g} -> {now[name]:g}" for name in now if known.get(name, now[name]) != now[name]]


def _became_bonus(sources: list[Source], known: dict[str, float]) -> list[str]:
    """`attention 12 -> bonus` for each bonus that the gradebook knows as a part of the assignment's points."""
    bonuses = [name for source in sources for name in source.points(*BONUSES)]
    return [f"{name} {known[name]:g} -> bonus" for name in bonuses if known.get(name)]
