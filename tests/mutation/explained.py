"""The mutants that no test can find, or need not find, with a reason each: `equivalent.toml`.

A mutant is named by its stub, by the first line that changes and by what it becomes: wherever the line stands.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mutation.mutants import Mutant

FILE = Path(__file__).with_name("equivalent.toml")
Name = tuple[str, str, str]  # see `Mutant.name`


@dataclass
class Report:
    """What a run has come to: survivors by the reason that explains them, those without one, and reasons left over."""

    tried: int
    killed: int
    explained: dict[str, list[Mutant]]
    unexplained: list[Mutant]
    outdated: list[Name]

    @property
    def equivalent(self) -> int:
        """How many survivors are explained."""
        return sum(map(len, self.explained.values()))

    @property
    def score(self) -> float:
        """The share of mutants that were killed, of those that can be."""
        return self.killed / max(self.tried - self.equivalent, 1)


def read_reasons(path: Path = FILE) -> dict[Name, str]:
    """The reason for each mutant that is explained, by its name.

    Raises:
        ValueError: if a mutant is explained twice, or something is missing.
    """
    reasons = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["equivalent"]:
        for name in _names(entry["mutants"]):
            if name in reasons or not entry["reason"].strip():
                raise ValueError(f"{path.name} explains this one twice, or without a reason: {name}.")
            reasons[name] = " ".join(entry["reason"].split())
    return reasons


def report(tried: list[Mutant], survivors: Iterable[Mutant], reasons: dict[Name, str]) -> Report:
    """Sort survivors into explained and unexplained ones; a reason for anything else in the cells tried is outdated."""
    survivors = list(survivors)
    explained: dict[str, list[Mutant]] = {}
    for mutant in survivors:
        if mutant.name in reasons:
            explained.setdefault(reasons[mutant.name], []).append(mutant)
    names, cells = {mutant.name for mutant in survivors}, {mutant.edit.cell for mutant in tried}
    return Report(
        tried=len(tried),
        killed=len(tried) - len(survivors),
        explained=explained,
        unexplained=[mutant for mutant in survivors if mutant.name not in reasons],
        outdated=[name for name in reasons if name[0] in cells and name not in names],
    )


def _names(entries: list[dict]) -> Iterable[Name]:
    return [(entry["cell"], entry["line"], becomes) for entry in entries for becomes in entry["becomes"]]
