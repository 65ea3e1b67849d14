"""All entries of a folder: read, counted as attempts, scored unless their score is kept, and told apart from copies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from autograder.competition.attempts import Attempts
from autograder.competition.reading import HandedEntry, read_entry
from autograder.competition.score import Conditions, Report, Score, score
from autograder.competition.streets import HiddenStreets
from autograder.evaluation.keeping import KeptRecords
from autograder.groups.file import Groups
from autograder.triage.sentences import printable
from segkit.checking.candidate import AnswerError
from segkit.competition.entries import PICTURES
from segkit.course import read_settings
from segkit.errors import CourseError
from segkit.progress import open_bar

LONGEST_TEAM = 1000  # letters: more than a folder's name can have, so that no two become one


@dataclass(frozen=True)
class Attempt:
    """What came of one file.

    Args:
        team: the folder that it was in, or the group of whoever that is.
        file: its name.
        number: which attempt of the team it is, from 1; None: it used up none.
        order: its place among the attempts of all teams.
        made: how many attempts the team has made, those whose files are gone among them.
        name: what it wants to be called on the board.
        score: None if it has none.
        said: why it has none; or what else is to be said of it.
        private: whether only the instructor should read that: a process that saw hidden images may have said it.
    """

    team: str
    file: str
    number: int | None = None
    order: int = 0
    made: int = 0
    name: str | None = None
    score: Score | None = None
    said: str | None = None
    private: bool = False


def score_entries(
    entries: Path,
    data: Path,
    kept: Path,
    *,
    attempts: int | None = None,
    conditions: Conditions | None = None,
    groups: Groups | None = None,
) -> list[Attempt]:
    """Score the entries `<entries>/<team>/*.zip` on hidden images; what is kept is not scored again.

    Args:
        entries: a folder for each team; files of one run count in the order of their times of change.
        data: folder in KITTI's layout whose testing pictures have labels, see `HiddenStreets`.
        kept: folder for scores and for the list of attempts, not for publication.
        attempts: how many of a team are scored; None: what course.toml says.
        conditions: None for the usual ones.
        groups: whose folders belong to one team; None: every folder is a team.

    Returns:
        What came of each file, in the order of the attempts.

    Raises:
        CourseError: if there are no entries or no hidden images, or no process can be started.
    """
    images, conditions, groups = HiddenStreets(data), conditions or Conditions(), groups or Groups()
    found = _files(entries, groups)
    with _alone(kept):
        scoring = _Scoring(
            images,
            conditions,
            attempts or read_settings().competition_attempts,
            Attempts(kept / "attempts.json", groups),
            KeptRecords(kept, conditions.depends_on(images)),
        )
        results = []
        with open_bar(len(found), unit="entry", description="scoring") as bar:
            for team, file in found:
                results.append(scoring.attempt(team, file, partial(_tell, bar, f"{team} {file.name}")))
                bar.update()
        results = [replace(result, made=len(scoring.attempts.of(result.team))) for result in results]
    return _with_likeness(sorted(results, key=lambda result: (result.order, result.team, result.file)))


@dataclass(frozen=True)
class _Scoring:
    images: HiddenStreets
    conditions: Conditions
    limit: int
    attempts: Attempts
    kept: KeptRecords

    def attempt(self, team: str, file: Path, report: Report) -> Attempt:
        """What comes of one file."""
        result = Attempt(team, file.name, order=len(self.attempts))
        try:
            entry = read_entry(file)
            predicted = self.images.read(entry.pictures) if entry.about.kind == PICTURES else None
        except CourseError as error:
            return replace(result, said=str(error))
        result = replace(result, name=entry.about.settings.name)
        number = self.attempts.number(team, entry.content)
        if number > self.limit:
            return replace(result, said=f"Not scored: the team has used up its {self.limit} attempts.")
        record = self._record(entry, predicted, partial(self.attempts.add, team, entry, file.name), report)
        if record["begun"]:
            result = replace(result, number=number, order=self.attempts.order(team, entry.content))
        if "score" not in record:
            return replace(result, said=record["said"], private=record["private"])
        result = replace(result, score=Score.read(record["score"]).claiming(entry.about.claimed))
        same = self.attempts.same(team, entry)
        told = f"{same.team} {same.file} has the same {same.what}, and came first." if same else None
        return replace(result, said=told, private=bool(same))

    def _record(self, entry: HandedEntry, predicted, begun: Callable[[], None], report: Report) -> dict:
        """The score or why there is none, and whether the entry met an image; kept, unless another run may differ."""
        kept = self._kept(entry.content)
        if kept is not None:
            if kept["begun"]:
                begun()
            return kept
        met: list[bool] = []

        def meets() -> None:
            met.append(True)
            begun()

        try:
            found = score(entry, predicted, self.images, self.conditions, begun=meets, report=report)
        except AnswerError as error:
            record = {"said": str(error), "private": error.said and bool(met), "begun": bool(met)}
            if error.stopped:  # others on this machine may have had a part in it
                return record
        else:
            record = {"score": found.record(), "begun": True}
        self.kept.write(entry.content, record)
        return record

    def _kept(self, content: str) -> dict | None:
        """The record of that content; None if there is none, or another version of this course wrote it."""
        record = self.kept.read(content) or {}
        try:
            if "score" in record:
                Score.read(record["score"])
        except (KeyError, TypeError):
            return None
        needed = {"begun", "score"} if "score" in record else {"begun", "said", "private"}
        return record if record.keys() >= needed else None


def _tell(bar, whose: str, done: int, total: int) -> None:
    bar.set_postfix_str(f"{printable(whose)}: {done} of {total} pictures")


def _files(entries: Path, groups: Groups) -> list[tuple[str, Path]]:
    """Team and file of each entry, in the order in which they count."""
    files = [path for path in entries.expanduser().glob("*/*") if path.suffix.lower() == ".zip"]
    if not files:
        raise CourseError(f"There are no entries: {entries} holds no folder of a team with a zip file in it.")
    files.sort(key=lambda path: (path.lstat().st_mtime_ns, str(path)))
    return [(_team(path.parent.name, groups), path) for path in files]


def _team(folder: str, groups: Groups) -> str:
    """What a folder's team is called from here on: other systems' zip files leave names that no page can show."""
    return printable(groups.of(folder) or folder, LONGEST_TEAM)


def _with_likeness(results: list[Attempt]) -> list[Attempt]:
    """The same, where two teams predict the same on every picture with a word about that for the later one."""
    told: list[Attempt] = []
    for result in results:
        if result.score and not result.said:
            alike = (other for other in told if other.team != result.team and _same_predictions(other, result))
            first = next(alike, None)
            words = f"{first.team} {first.file} predicts the same on every picture, and came first." if first else None
            result = replace(result, said=words, private=bool(first))
        told.append(result)
    return told


def _same_predictions(one: Attempt, other: Attempt) -> bool:
    if one.score is None or other.score is None:
        return False
    classes = one.score.confusions.shape[1]
    first, second = (own.score.confusions[..., :classes] for own in (one, other))
    return first.shape == second.shape and torch.equal(first, second)


@contextmanager
def _alone(kept: Path) -> Iterator[None]:
    try:
        kept.mkdir(parents=True, exist_ok=True)
        with FileLock(kept / ".lock", timeout=0):
            yield
    except Timeout:
        raise CourseError(f"Another run scores entries and keeps them in {kept}: wait until it has ended.") from None
    except OSError as error:
        raise CourseError(f"Scores cannot be kept in {kept} ({error.strerror}).") from None
