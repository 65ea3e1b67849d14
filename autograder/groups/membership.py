"""Who the members of a group were when it was graded, and whom its notebooks name, held against `groups.csv`."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.files import write_whole
from autograder.groups.file import Groups
from autograder.triage.sentences import listing, printable

MEMBERS = "members.json"  # beside the verdicts


@dataclass(frozen=True)
class Recorded:
    """Whose submission it was when it was graded; `when` is that day and time."""

    members: tuple[str, ...]
    when: str


def record_members(folder: Path, members: Iterable[str]) -> None:
    """Keep, beside the verdicts in `folder`, whose submission they are on."""
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    write_whole(folder / MEMBERS, json.dumps({"members": list(members), "when": when}, ensure_ascii=False) + "\n")


def read_members(folder: Path) -> Recorded | None:
    """What was kept there; None if nothing that can be read."""
    try:
        record = json.loads((folder / MEMBERS).read_text(encoding="utf-8"))
        return Recorded(tuple(map(str, record["members"])), str(record["when"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def changed_members(groups: Groups, name: str, graded: Recorded) -> list[str]:
    """What has changed among the members of a submission since it was graded, in sentences."""
    now, then = groups.who(name), graded.members
    joined, left = ([one for one in new if one not in old] for new, old in ((now, then), (then, now)))
    if joined == [name]:
        return [f"{name} was graded ({graded.when}) for {listing(then)}, and is no group any more."]
    return [
        *([f"{listing(joined)} joined {name} after it was graded ({graded.when})."] if joined else []),
        *([f"{listing(left)} left {name} after it was graded ({graded.when})."] if left and left != [name] else []),
    ]


def misnamed(groups: Groups, name: str, named: Mapping[str, Iterable[str]]) -> list[str]:
    """Where the notebooks of `submitted/<name>` name other people than `groups.csv` does, in sentences.

    Args:
        named: by notebook whom it names.
    """
    group = groups.of(name) or name
    where: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for notebook, people in named.items():
        if not groups.fits(group, people):
            where[tuple(people)].append(notebook)
    return [
        f"{listing(notebooks)} of {name} names the group {listing(printable(one) for one in people)}; in groups.csv "
        + (f"{group} is {listing(groups.members[group])}." if group in groups.members else f"{name} works alone.")
        for people, notebooks in where.items()
    ]
