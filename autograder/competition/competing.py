"""`python -m autograder compete`: entries scored, what came of each printed, the board written."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from autograder.competition.board import write_board
from autograder.competition.score import Conditions
from autograder.competition.scoring import Attempt, score_entries
from autograder.grading.cases import course_secret
from autograder.groups.file import read_groups
from autograder.leaderboard.page import short
from autograder.sandbox import NoSandbox, require_sandbox
from autograder.sandbox.warm import WarmBubblewrap
from autograder.triage.sentences import printable

KEPT = Path("verdicts") / "competition" / ".entries"
LONGEST = 2000  # letters of what is said of an entry


def compete(
    root: Path,
    entries: Path,
    data: Path,
    out: Path,
    *,
    attempts: int | None = None,
    seconds: float = 900.0,
    names: bool = False,
    with_ids: bool = False,
    unsafe_without_sandbox: bool = False,
) -> int:
    """Score the entries of the course in `root` and write the board.

    Args:
        entries, data, attempts: as for `score_entries`.
        out, names, with_ids: as for `write_board`.
        seconds: that an entry may take for all pictures.
        unsafe_without_sandbox: for trusted entries only: run their code in ordinary processes.

    Returns:
        0 if every file was scored; 1 if one was not, for whatever reason.

    Raises:
        CourseError: if nothing can be scored, or the board cannot be written.
    """
    if not unsafe_without_sandbox:
        require_sandbox()
    groups = read_groups(root)
    with nullcontext(NoSandbox()) if unsafe_without_sandbox else WarmBubblewrap() as sandbox:
        conditions = Conditions(seconds, sandbox=sandbox)
        results = score_entries(entries, data, root / KEPT, attempts=attempts, conditions=conditions, groups=groups)
    print(results_table(results))
    written = write_board(results, out, secret=course_secret(root), names=names, with_ids=with_ids, groups=groups)
    print("\n".join(map(str, written)))
    return 0 if all(result.score for result in results) else 1


def results_table(results: Sequence[Attempt]) -> str:
    """What came of each file, for the instructor: not for publication. A line is a line, whatever entries say."""
    lines = []
    for result in sorted(results, key=lambda result: (result.team, result.order, result.file)):
        number = f"attempt {result.number}" if result.number else "no attempt"
        line = f"{result.team:<20} {printable(result.file):<28} {number:<11}"
        if result.score:
            own = result.score.evaluation
            cost = "pictures alone" if result.score.claimed else f"{short(own.multiply_adds)} multiply-adds"
            line += f" mean IoU {own.mean_iou:.4f}, {cost}"
        lines.append(line)
        if result.said:
            heard = "its own process said: " if result.private and not result.score else ""
            lines.append(f"{'':<20} {heard}{printable(result.said, LONGEST)}")
    return "\n".join(lines)
