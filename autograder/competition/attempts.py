"""Which entries each team has made: counted by content, in the order in which they were first scored.

A file that is renamed, packed anew or handed in twice is the same attempt; one that was deleted stays counted.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from autograder.competition.reading import HandedEntry
from autograder.files import write_whole
from autograder.groups.file import Groups
from segkit.errors import CourseError


@dataclass(frozen=True)
class Made:
    """An attempt: whose, what it consisted of, in which file it came, and when it was first scored (UTC)."""

    team: str
    content: str
    model: str | None
    file: str
    when: str


class Same(NamedTuple):
    """An attempt that another one is like, and in what."""

    team: str
    file: str
    what: str


class Attempts:
    """The attempts of all teams, in a file that is written with each new one.

    Args:
        groups: those of now. What somebody made before joining a group counts for the group.

    Raises:
        CourseError: if the file cannot be read.
    """

    def __init__(self, file: Path, groups: Groups) -> None:
        self._file, self._groups = file, groups
        try:
            text = file.read_text(encoding="utf-8") if file.exists() else "[]"
            self._made = [Made(**record) for record in json.loads(text)]
        except (OSError, ValueError, TypeError) as error:
            raise CourseError(
                f"{file}, which counts the attempts, cannot be read ({error}): put back the last good copy of it."
            ) from None

    def __len__(self) -> int:
        return len(self._made)

    def of(self, team: str) -> list[Made]:
        """Those of a team, the first one first; two members may have made the same one before they were a team."""
        own: dict[str, Made] = {}
        for made in self._made:
            if self._team(made) == team:
                own.setdefault(made.content, made)
        return list(own.values())

    def number(self, team: str, content: str) -> int:
        """Which attempt of the team that content is, from 1: one that was made, or the next one."""
        contents = [made.content for made in self.of(team)]
        return 1 + (contents.index(content) if content in contents else len(contents))

    def order(self, team: str, content: str) -> int:
        """Its place among the attempts of all teams, from 0; behind all of them, if it was not made yet."""
        found = [self._team(made) == team and made.content == content for made in self._made]
        return found.index(True) if True in found else len(found)

    def add(self, team: str, entry: HandedEntry, file: str) -> None:
        """Count an attempt, unless it is one that was made."""
        if self.order(team, entry.content) == len(self):
            when = datetime.now(UTC).isoformat(timespec="seconds")
            self._made.append(Made(team, entry.content, entry.model, file, when))
            write_whole(self._file, json.dumps([asdict(made) for made in self._made], indent=1) + "\n")

    def same(self, team: str, entry: HandedEntry) -> Same | None:
        """An attempt of another team that came before this one and has the same content or the same weights."""
        for made in self._made[: self.order(team, entry.content)]:
            other = self._team(made)
            if other != team and made.content == entry.content:
                return Same(other, made.file, "content")
            if other != team and entry.model and made.model == entry.model:
                return Same(other, made.file, "weights")
        return None

    def _team(self, made: Made) -> str:
        return self._groups.of(made.team) or made.team
