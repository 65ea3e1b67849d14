"""`make mutation`: changes the reference in every small way and asks whether some hidden test fails.

Exit status 1 says that too many mutants survive unexplained, that an explanation fits no survivor, or that a mutant
made a hidden test itself break. A run that was interrupted goes on where it stopped.
"""

import argparse
import sys

from tqdm import tqdm

from autograder.sources import assignments
from mutation.explained import Report, read_reasons, report
from mutation.judging import BROKE, SURVIVED, Kept, Outcome, judge_all
from mutation.mutants import Mutant, mutants_of, unchanged

ALLOWED = 0.03  # the share of mutants that may survive without a reason
SAVE_EVERY = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__.splitlines()[0])
    parser.add_argument("--assignment", choices=assignments(), help="this one only")
    parser.add_argument("cells", nargs="*", help="the ids of some stubs, for example MixFFN; all if none is given")
    asked = parser.parse_args()
    try:
        return run([asked.assignment] if asked.assignment else assignments(), asked.cells)
    except KeyboardInterrupt:
        print("\nInterrupted. What was found so far is kept: the next run goes on from there.", file=sys.stderr)
        return 130


def run(chosen: list[str], cells: list[str]) -> int:
    """Try the mutants of some assignments, or of some stubs there, and say what came out; the exit status."""
    mutants = [mutant for assignment in chosen for mutant in mutants_of(assignment)]
    mutants = [mutant for mutant in mutants if not cells or mutant.edit.cell in cells]
    if unknown := set(cells) - {mutant.edit.cell for mutant in mutants}:
        print(f"There is no stub {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    outcomes = outcomes_of([*unchanged(mutants), *mutants])
    for mutant in unchanged(mutants):
        if outcomes[mutant].verdict != SURVIVED:
            print(f"The reference itself fails the hidden tests of {mutant.task}: {outcomes[mutant].words}")
            return 1
    survivors = [mutant for mutant in mutants if outcomes[mutant].verdict == SURVIVED]
    broken = {mutant: outcome for mutant, outcome in outcomes.items() if outcome.verdict == BROKE}
    found = report(mutants, survivors, read_reasons())
    show(found, broken)
    return int(bool(found.outdated or broken) or len(found.unexplained) > ALLOWED * (found.tried - found.equivalent))


def outcomes_of(mutants: list[Mutant]) -> dict[Mutant, Outcome]:
    """What becomes of each mutant; those that an earlier run has tried are not tried again."""
    kept = Kept()
    outcomes = {mutant: kept.get(mutant) for mutant in mutants}
    left = [mutant for mutant, outcome in outcomes.items() if outcome is None]
    try:
        with tqdm(total=len(mutants), initial=len(mutants) - len(left), unit="mutant") as bar:
            for mutant, outcome in judge_all(left):
                outcomes[mutant] = outcome
                kept.put(mutant, outcome)
                bar.update()
                bar.set_postfix_str(mutant.edit.cell, refresh=False)
                if bar.n % SAVE_EVERY == 0:
                    kept.save()
    finally:
        kept.save()
    return outcomes


def show(found: Report, broken: dict[Mutant, Outcome]) -> None:
    """Print the survivors, each with its reason, and the score."""
    for reason, mutants in found.explained.items():
        print(f"\nSurvived, and rightly: {reason}", *map(_shown, mutants), sep="\n")
    if found.unexplained:
        print("\nSurvived, and nobody knows why:", *map(_shown, found.unexplained), sep="\n")
    if found.outdated:
        print("\nExplained in equivalent.toml, but no survivor (killed, or gone from the reference):")
        print(*(f"  {cell}: {line}\n    -> {becomes}" for cell, line, becomes in found.outdated), sep="\n")
    for mutant, outcome in broken.items():
        print(f"\nNot a finding, but an error in a hidden test ({outcome.words}):\n{_shown(mutant)}")
    print(
        f"\nkilled {found.killed} of {found.tried}, {found.equivalent} explained as equivalent, "
        f"{len(found.unexplained)} unexplained: score {found.score:.1%}"
    )


def _shown(mutant: Mutant) -> str:
    return f"  {mutant.edit.cell}: {mutant.line}\n    -> {mutant.becomes}  ({mutant.operator})"


if __name__ == "__main__":
    sys.exit(main())
