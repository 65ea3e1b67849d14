"""`submission_metadata.yml` of Gradescope's export, written by Ruby: keys begin with a colon.

submission_123456:
  :submitters:
  - :name: Ada Lovelace
    :sid: '3034'
    :email: ada@example.edu
  :created_at: 2026-11-29 21:10:54.104000000 Z
  :history: ...
"""

from dataclasses import dataclass
from datetime import datetime

import yaml

from autograder.collect.entries import Entry, UnusableError
from autograder.collect.people import Person
from autograder.collect.receipt import as_time

METADATA = "submission_metadata.yml"
MAX_BYTES = 64 * 2**20  # the results of a Gradescope autograder stand in it, too


@dataclass(frozen=True)
class Submission:
    """What Gradescope says of one folder of its export."""

    people: tuple[Person, ...]
    time: datetime | None

    @property
    def account(self) -> str:
        """The submitters, as one name."""
        return ", ".join(sorted(person.sid or person.email or person.name for person in self.people))


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML without objects: what another language's class stands for is left out."""


_Loader.add_multi_constructor("", lambda loader, suffix, node: None)


def read_metadata(entry: Entry) -> dict[str, Submission]:
    """By folder of the export: whose it is.

    Raises:
        UnusableError: if it cannot be read.
    """
    try:
        found = yaml.load(entry.read(MAX_BYTES).decode("utf-8-sig"), Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:100]
        raise UnusableError(f"{entry.label} cannot be read ({reason}): export the submissions again") from None
    if not isinstance(found, dict):
        raise UnusableError(f"{entry.label} names no submissions: export them again")
    return {str(folder): _submission(about) for folder, about in found.items() if isinstance(about, dict)}


def _submission(about: dict) -> Submission:
    submitters = about.get(":submitters")
    named = [person for person in (submitters if isinstance(submitters, list) else []) if isinstance(person, dict)]
    people = (Person(*(_text(person.get(f":{key}")) for key in ("name", "email", "sid"))) for person in named)
    return Submission(tuple(people), as_time(about.get(":created_at")))


def _text(value: object) -> str:
    return str(value).strip() if isinstance(value, str | int) else ""
