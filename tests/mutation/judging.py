"""What the hidden tests say of mutants: tried in processes of their own, and what came out is kept."""

import json
import resource
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import TimeoutError
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import torch
from pebble import ProcessExpired, ProcessPool

from autograder.files import write_whole
from autograder.grading.examination import Examination, WrongAnswer
from autograder.grading.hidden import hidden_tests
from autograder.misconceptions import cells_with
from autograder.paths import NOTEBOOKS, ROOT, SOLUTIONS
from autograder.trusted import TrustedWorker
from mutation.mutants import Mutant

SECRET, CASES = b"a secret of the mutants", (0, 1)
WORKERS, SECONDS, MEMORY = 2, 120, 6 << 30
KEPT = ROOT / "build" / "mutation.json"
KILLED, SURVIVED, BROKE = "killed", "survived", "broke a hidden test"


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: one of KILLED, SURVIVED and BROKE, and who says so with which words."""

    verdict: str
    words: str = ""


def judge(mutant: Mutant) -> Outcome:
    """Try the hidden tests of a mutant's task until one of them fails."""
    cells = cells_with(mutant.assignment, [mutant.edit])
    for case in CASES:
        with Examination(mutant.assignment, cells, SECRET, case, make_worker=TrustedWorker) as examination:
            for name, test in hidden_tests(mutant.assignment, mutant.task).items():
                judge = examination.judge(mutant.task, f"test_{name}")
                try:
                    test(judge, examination.draw(mutant.task, f"test_{name}"))
                except WrongAnswer as finding:
                    return Outcome(KILLED, f"{name}, case {case}: {finding}")
                except Exception as error:  # it would stop the grading of everybody
                    return Outcome(BROKE, f"{name}, case {case}: {error!r}")
    return Outcome(SURVIVED)


def judge_all(mutants: Iterable[Mutant]) -> Iterator[tuple[Mutant, Outcome]]:
    """Judge mutants in worker processes, in their order. One that stops its worker, or takes too long, is killed."""
    mutants, context = list(mutants), get_context("forkserver")
    context.set_forkserver_preload([__name__])  # a new process has torch already, and has not used it yet
    with ProcessPool(max_workers=WORKERS, initializer=_prepare, context=context) as pool:
        futures = [pool.schedule(judge, args=[mutant], timeout=SECONDS) for mutant in mutants]
        try:
            for mutant, future in zip(mutants, futures, strict=True):
                yield mutant, _outcome(future)
        except BaseException:  # above all Ctrl-C
            pool.stop()
            raise


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    torch.set_num_threads(1)


def _outcome(future) -> Outcome:
    try:
        return future.result()
    except TimeoutError:
        return Outcome(KILLED, f"stopped after {SECONDS} seconds")
    except ProcessExpired as end:
        return Outcome(KILLED, f"its process ended with {end.exitcode}")


class Kept:
    """Outcomes of earlier runs, valid as long as nothing that they depend on has changed."""

    def __init__(self, path: Path = KEPT) -> None:
        self._path, self._outcomes = path, {}
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["fingerprint"] == fingerprint():
                self._outcomes = {digest: Outcome(**outcome) for digest, outcome in kept["outcomes"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            pass  # there are none, or they are of an older version

    def get(self, mutant: Mutant) -> Outcome | None:
        return self._outcomes.get(mutant.digest)

    def put(self, mutant: Mutant, outcome: Outcome) -> None:
        self._outcomes[mutant.digest] = outcome

    def save(self) -> None:
        outcomes = {digest: asdict(outcome) for digest, outcome in self._outcomes.items()}
        write_whole(self._path, json.dumps({"fingerprint": fingerprint(), "outcomes": outcomes}, indent=0) + "\n")


@cache
def fingerprint() -> str:
    """Changes with the reference, the hidden tests and all code between them, and with torch."""
    folders = (SOLUTIONS, ROOT / "autograder", NOTEBOOKS / "segkit")
    paths = [Path(__file__), *(path for folder in folders for path in folder.rglob("*.py"))]
    digests = [sha256(path.read_bytes()).hexdigest() for path in sorted(paths)]
    return sha256(" ".join([*digests, version("torch"), version("torchvision")]).encode()).hexdigest()
