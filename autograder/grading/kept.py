"""Findings that are kept by content, so that nothing is tried twice: not after a kill, not in a second run.

One file per content of a submission, one entry per test. The name of an entry says all that the finding depends on:
the test's own source, the code and reference it runs with, versions, device, limits, sandbox and secret case.
"""

import ast
import json
import platform
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from autograder.files import write_whole
from autograder.grading.verdicts import FAULT, Basis, Finding
from autograder.paths import HIDDEN_TESTS, NOTEBOOKS, ROOT
from autograder.sources import read_sources, runnable_cells

# A busy machine can cause these; the next run may find otherwise.
NOT_KEPT = {"time", "cpu", "memory", "processes", FAULT}
LIBRARIES = ("torch", "torchvision", "numpy", "safetensors", "lightning")


class KeptStore:
    """The records of a course, one for each content of a notebook; `folder` None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def read(self, content: str) -> dict:
        """What is kept of that content; empty, if nothing is."""
        return (self._folder and _read(self._path(content))) or {}

    def write(self, content: str, record: dict) -> None:
        """Keep what was found."""
        if self._folder and record.get("findings"):
            write_whole(self._path(content), json.dumps(record, ensure_ascii=False) + "\n")

    def _path(self, content: str) -> Path:
        return self._folder / content[:2] / f"{content}.json"


class KeptFindings:
    """The findings on one content of a submission.

    Args:
        record: what is kept of it.
        fresh: look at nothing of that, but collect what is found.
    """

    def __init__(self, record: dict | None = None, *, fresh: bool = False) -> None:
        self.record = {"problems": [], "findings": {}} | ({} if fresh else record or {})

    @property
    def problems(self) -> list[str]:
        """What could not be executed when the notebook was loaded."""
        return self.record["problems"]

    def get(self, name: str) -> Finding | None:
        """The finding of that name, if it is kept."""
        kept = self.record["findings"].get(name)
        return Finding(**kept) if kept else None

    def put(self, name: str, finding: Finding, problems: list[str]) -> None:
        """Keep a finding, unless it tells more about the machine than about the submission."""
        if finding.stopped not in NOT_KEPT:
            self.record["findings"][name] = asdict(finding)
            self.record["problems"] = problems


class KeptMarks:
    """What misconceptions answer in one secret case; the grading processes of a course share it in a file."""

    def __init__(self) -> None:
        self.marks: dict[str, dict | None] = {}
        self._new, self._seen = False, 0  # when the file was last changed

    def add(self, name: str, mark: dict | None) -> None:
        """Take in what was found here."""
        self.marks[name], self._new = mark, True

    def read(self, path: Path | None) -> None:
        """Take in what others have found since."""
        try:
            changed = path.stat().st_mtime_ns if path else 0
            if changed != self._seen:
                self._seen = changed
                self.marks = json.loads(path.read_text(encoding="utf-8")) | self.marks
        except (OSError, ValueError, TypeError):
            return  # absent, or damaged: found again

    def write(self, path: Path | None) -> None:
        """Let the others know, if there is anything new."""
        if path and self._new:
            self.read(path)
            write_whole(path, json.dumps(self.marks) + "\n")
            self._new = False


def marks_file(folder: Path | None, task: str, basis: Basis) -> Path | None:
    """Where the marks of a task in a case are kept: another file for each state of the course that they depend on."""
    parts = ("engine", "tests", "catalogue", "versions", "secret", "case")
    return folder and folder / "marks" / f"{_digest(task, {name: getattr(basis, name) for name in parts})}.json"


def _read(path: Path) -> dict | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        for finding in record["findings"].values():
            Finding(**finding)
        return {"problems": [str(problem) for problem in record["problems"]], "findings": record["findings"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # absent, or of an older version of this course


def finding_name(test: str, basis: Basis) -> str:
    """The name of a test's finding. `test`: from `fingerprint_of_test`."""
    without = ("tests", "catalogue", "evaluation")
    depends_on = {name: value for name, value in vars(basis).items() if name not in without}
    return _digest(test, depends_on)


@cache
def fingerprint_of_test(path: Path, name: str) -> str:
    """Changes if the source of that test, or anything outside the tests of its file, changes."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    own: list[str] = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
            if node.name == name:
                own = lines[first : node.end_lineno]
            lines[first : node.end_lineno] = [""] * (node.end_lineno - first)
    return _digest(path.stem, name, own, [line for line in lines if line.strip()])


@cache
def fingerprint_of_tests(assignment: str) -> str:
    """Changes if any hidden test of the assignment does."""
    return _of_files(sorted((HIDDEN_TESTS / assignment).glob("*.py")))


@cache
def fingerprint_of_engine(assignment: str) -> str:
    """Changes if the code around the tests does: probes, workers, the student library, the reference."""
    segkit = NOTEBOOKS / "segkit"
    other_tasks = {path for path in (segkit / "tasks").iterdir() if path.is_dir() and path.name != assignment}
    library = [path for path in sorted(segkit.rglob("*.py")) if not other_tasks & set(path.parents)]
    names = ("grading/cases", "grading/examination", "grading/hidden_session", "reference", "testing")
    engine = [ROOT / "autograder" / f"{name}.py" for name in names]
    engine += [HIDDEN_TESTS / "conftest.py", *sorted((ROOT / "autograder" / "sandbox").rglob("*.py"))]
    reference = [[cell.source for cell in runnable_cells(source)] for source in read_sources(assignment)]
    return _digest(_of_files([*library, *engine]), reference)


@cache
def fingerprint_of_catalogue(assignment: str) -> str:
    """Changes if a misconception of the assignment does, or how they are recognised."""
    engine, folder = ROOT / "autograder", ROOT / "autograder" / "misconceptions"
    recognising = [
        *sorted(folder.glob("*.py")),
        *(engine / f"{name}.py" for name in ("grading/diagnosis", "grading/hidden", "trusted")),
    ]
    return _of_files([*recognising, *sorted((folder / assignment).glob("*.py"))])


@cache
def installed_versions() -> dict[str, str]:
    """The versions that numbers depend on."""
    return {"python": platform.python_version(), "machine": platform.machine()} | {
        name: version(name) for name in LIBRARIES
    }


def fingerprint_of_secret(secret: bytes) -> str:
    """The same for the same secret; tells nothing about it."""
    return _digest("fingerprint", secret.hex())[:16]


def _of_files(paths: list[Path]) -> str:
    return _digest([(path.name, sha256(path.read_bytes()).hexdigest()) for path in paths])


def _digest(*parts: object) -> str:
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
