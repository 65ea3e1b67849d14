"""A graded class without grading: submissions, verdicts, a gradebook and feedback, made up in a second or two."""

import ast
import json
import random
import shutil
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from right_answers import RIGHT_ANSWERS
from sqlalchemy.exc import SAWarning

from autograder.grading.hidden import hidden_tests
from autograder.grading.verdicts import Basis, Finding, TaskVerdict, Verdict, unreadable_verdict
from autograder.misconceptions import Misconception, misconceptions_of, tests_named
from autograder.misconceptions.variants import Edit, sources
from autograder.paths import NOTEBOOKS, find_programs_beside_interpreter
from autograder.report.answers import stubs_of
from autograder.sources import BONUSES, BY_HAND, MACHINE_GRADED

ASSIGNMENT = "segformer"
COPIES = ((4, 17), (6, 30))  # who hands in whose work in a realistic class
BASIS = Basis("tests", "engine", "catalogue", {}, "cpu", {}, "bubblewrap", "fingerprint", 0)


@dataclass
class Member:
    """One student: code by task, misconceptions by task, untouched tasks, and what happened.

    `seconds`: of one test. `written`: the part of each written answer's points that was given, None if unmarked.
    """

    id: str
    code: dict[str, str] = field(default_factory=dict)
    mistakes: dict[str, Misconception] = field(default_factory=dict)
    untouched: set[str] = field(default_factory=set)
    unreadable: dict[str, str] = field(default_factory=dict)
    repairs: dict[str, list[str]] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.5
    written: float | None = 0.75
    feedback: bool = True


@cache
def stub_sources() -> dict[str, dict[str, str]]:
    """The reference's stubs by task and id, without the solution markers."""
    found: dict[str, dict[str, str]] = {}
    for source in sources(ASSIGNMENT).values():
        waiting = {}
        for cell in source.cells:
            if cell.role == "stub":
                lines = [line for line in cell.source.splitlines() if not line.strip().startswith("### ")]
                waiting[cell.id] = "\n".join(lines)
            elif cell.role in MACHINE_GRADED and waiting:
                found[cell.id], waiting = waiting, {}
    return found


def with_mistake(mistake: Misconception) -> dict[str, str]:
    """The stubs of its task, the reference with the mistake in it."""
    cells = dict(stub_sources()[mistake.task])
    for change in mistake.changes:
        if isinstance(change, Edit) and change.cell in cells:
            cells[change.cell] = cells[change.cell].replace(change.old, change.new)
        elif not isinstance(change, Edit):
            cells[next(iter(cells))] += f"\n\n\n{change.text}"
    return cells


def realistic_class(size: int = 40, seed: int = 0) -> list[Member]:
    """A class as one expects it; two pairs are alike."""
    drawn = random.Random(seed)
    names = [f"{first}.{last}" for last in ("berg", "ito", "lund", "okafor", "rossi", "silva", "weiss", "young", "zhou")
             for first in ("ada", "bo", "cy", "di", "eve", "flo", "gus", "hana", "ivo", "jin")]  # fmt: skip
    names += [f"student{number:04}" for number in range(size)]
    members = [_drawn(name, drawn) for name in sorted(names[:size])]
    members[3].repairs["02_modules"] = [
        "The file is damaged or breaks off; cells that could be read before it does: 61."
    ]
    members[5].repairs["01_data"] = ["01_data (1).ipynb was taken for 01_data.ipynb."]
    members[8].unreadable["03_model"] = "03_model.ipynb is empty: save it again from Jupyter and hand it in again."
    members[9].stopped["attention"] = "time"
    members[9].seconds = 6.0
    members[11].stopped["mean_iou"] = "memory"
    members[2].untouched |= {"segformer", "training_step", "mean_iou", "prediction", "worst_images", "per_class_iou"}
    for member in members[20:]:
        member.written = None if drawn.random() < 0.3 else member.written
    for original, copy in COPIES:
        members[copy].code = {task: disguised(code) for task, code in members[original].code.items()}
        members[copy].untouched, members[copy].mistakes = set(), dict(members[original].mistakes)
    return members


def _drawn(name: str, drawn: random.Random) -> Member:
    skill = drawn.uniform(0.35, 1.0)
    member = Member(name, seconds=drawn.uniform(0.2, 1.2), written=round(drawn.uniform(0.3, 1.0), 1))
    for task in stub_sources():
        known = misconceptions_of(ASSIGNMENT, task)
        if drawn.random() < skill:
            styles = [code.text for (one, _), code in RIGHT_ANSWERS.items() if one == task]
            member.code[task] = in_own_hand(drawn.choice(styles), drawn)
        elif drawn.random() < 0.85:
            mistake = known[min(int(drawn.expovariate(0.5)), len(known) - 1)]
            member.mistakes[task] = mistake
            member.code[task] = in_own_hand("\n".join(with_mistake(mistake).values()), drawn)
        else:
            member.untouched.add(task)
    return member


def in_own_hand(code: str, drawn: random.Random) -> str:
    """The same way to an answer as somebody else would put it: parts of expressions get names of their own.

    It is not run, so that it need not be right.
    """
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = [line for old in node.body for line in _split(old, drawn)]
    return ast.unparse(tree)


def _split(line: ast.stmt, drawn: random.Random) -> list[ast.stmt]:
    """One statement as up to three: a call or an operation in it comes before."""
    before = []
    for _ in range(drawn.choice((0, 1, 1, 2, 2))):
        places = [
            (parent, argument, place)
            for parent in ast.walk(line)
            if isinstance(parent, ast.Call)
            for place, argument in enumerate(parent.args)
            if isinstance(argument, ast.Call | ast.BinOp | ast.Attribute | ast.Constant)
        ]
        if not isinstance(line, ast.Assign | ast.Return | ast.Expr) or not places:
            break
        parent, argument, place = drawn.choice(places)
        name = f"part{drawn.randrange(10**6)}"
        parent.args[place] = ast.Name(name, ast.Load())
        kind = drawn.choice(("plain", "hinted", "checked"))
        target = ast.Name(name, ast.Store())
        before.insert(0, ast.Assign([target], argument, lineno=0))
        if kind == "checked":
            before.insert(1, ast.Assert(ast.Compare(ast.Name(name, ast.Load()), [ast.IsNot()], [ast.Constant(None)])))
    return [*before, line]


def disguised(code: str) -> str:
    """A copy by somebody who renames, comments and lets functions change places."""
    tree = ast.parse(code)
    own = {name.id for name in ast.walk(tree) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in own:
            node.id = f"my_{node.id[::-1]}"
        if isinstance(node, ast.ClassDef):
            node.body.reverse()
    return f"# all my own work\n{ast.unparse(tree)}\n# the end"


def make_class(root: Path, members: Iterable[Member]) -> Path:
    """Write the course of these students into `root`."""
    members = list(members)
    shutil.copytree(NOTEBOOKS / ASSIGNMENT, root / "notebooks" / ASSIGNMENT)
    released = {path.stem: nbformat.read(path, as_version=4) for path in NOTEBOOKS.glob(f"{ASSIGNMENT}/*.ipynb")}
    for cell in (cell for notebook in released.values() for cell in notebook.cells if cell.cell_type == "code"):
        cell.outputs = []  # pictures, which nobody looks at here
    for member in members:
        _submit(root, member, released)
        for verdict in verdicts_of(member):
            path = root / "verdicts" / ASSIGNMENT / member.id / f"{verdict.notebook}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            verdict.write(path)
        for name in released if member.feedback else ():
            page = root / "feedback" / member.id / ASSIGNMENT / f"{name}.html"
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text("<!DOCTYPE html><title>Feedback</title>")
    last = {"started": "2026-11-28T14:02:11+00:00", "graded": [member.id for member in members], "remarks": []}
    (root / "verdicts" / ASSIGNMENT / "last_run.json").write_text(json.dumps(last))
    _fill_gradebook(root, members)
    return root


def _submit(root: Path, member: Member, released: dict) -> None:
    folder = root / "submitted" / member.id / ASSIGNMENT
    folder.mkdir(parents=True)
    for name, notebook in released.items():
        stubs, first = stubs_of(notebook), set()
        cells = []
        for cell in notebook.cells:
            task = stubs.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
            if cell.cell_type == "code" and task and task not in member.untouched:
                source = _source(member, task, cell.id, task not in first)
                first.add(task)
                cell = nbformat.from_dict({**cell, "source": source})
            cells.append(cell)
        (folder / f"{name}.ipynb").write_text(json.dumps({**notebook, "cells": cells}))


def _source(member: Member, task: str, cell: str, first: bool) -> str:
    if task in member.code:
        return member.code[task] if first else "# see above"
    stubs = with_mistake(member.mistakes[task]) if task in member.mistakes else stub_sources()[task]
    return stubs[cell]


def verdicts_of(member: Member) -> list[Verdict]:
    """The verdicts on the notebooks of a student."""
    found = []
    for source in sources(ASSIGNMENT).values():
        repairs, points = member.repairs.get(source.name, []), source.points(*MACHINE_GRADED)
        if not points:
            continue
        bonuses = source.points(*BONUSES)
        if reason := member.unreadable.get(source.name):
            found.append(unreadable_verdict(ASSIGNMENT, source.name, BASIS, points, reason, repairs, bonuses))
            continue
        tasks = {
            task: _judged(member, task, worth, task in bonuses)
            for task, worth in points.items()
            if task in stub_sources()
        }
        found.append(Verdict(ASSIGNMENT, source.name, "content", BASIS, tasks, [], repairs))
    return found


def _judged(member: Member, task: str, worth: float, bonus: bool) -> TaskVerdict:
    mistake = member.mistakes.get(task)
    tests = hidden_tests(ASSIGNMENT, task)
    failing = tests_named(mistake.fails, set(tests)) if mistake else set(tests) if task in member.untouched else set()
    findings = []
    for name, test in tests.items():
        marked = test.pytestmark[0].kwargs
        finding = Finding(f"test_{name}", marked["title"], marked["share"], None, member.seconds)
        if name in failing:
            names = [mistake.name] if mistake else []
            finding = replace(finding, message="It differs.", misconceptions=names)
        if task in member.stopped and name == next(iter(tests)):
            finding = replace(finding, message="It took too long.", stopped=member.stopped[task])
        findings.append(finding)
    return TaskVerdict(task, worth, findings, bonus)


def _fill_gradebook(root: Path, members: list[Member]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of nbgrader's add_submission, on every call
        _write_gradebook(root, members)


def _write_gradebook(root: Path, members: list[Member]) -> None:
    find_programs_beside_interpreter()
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        gradebook.add_assignment(ASSIGNMENT)
        for source in sources(ASSIGNMENT).values():
            gradebook.add_notebook(source.name, ASSIGNMENT)
            for role in (*MACHINE_GRADED, BY_HAND):
                for name, worth in source.points(role).items():
                    about = {"max_score": 0 if role in BONUSES else worth}
                    about["cell_type"] = "markdown" if role == BY_HAND else "code"
                    gradebook.add_grade_cell(name, source.name, ASSIGNMENT, **about)
        for member in members:
            _enter(gradebook, member)


def _enter(gradebook: Gradebook, member: Member) -> None:
    points = {task: one.points for verdict in verdicts_of(member) for task, one in verdict.tasks.items()}
    gradebook.add_student(member.id)
    for notebook in gradebook.add_submission(ASSIGNMENT, member.id).notebooks:
        for grade in notebook.grades:
            if grade.cell.cell_type == "markdown":
                grade.needs_manual_grade = member.written is None
                grade.manual_score = None if member.written is None else grade.cell.max_score * member.written
            elif grade.cell.max_score:
                grade.auto_score = points.get(grade.cell.name, 0.0)
            else:
                grade.auto_score, grade.extra_credit = 0.0, points.get(grade.cell.name, 0.0)
            grade.needs_manual_grade = grade.cell.cell_type == "markdown" and member.written is None
    gradebook.db.commit()
