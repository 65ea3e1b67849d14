"""Is what students get what the sources say, and does it give nothing away? `python -m autograder audit`, run by CI.

Each function returns sentences, one per problem; an empty list is good news.
"""

import ast
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import nbformat

from autograder.building.build import build_student_notebooks, is_edited
from autograder.building.points import wrong_points
from autograder.building.record import record_answers, same_answers
from autograder.paths import HIDDEN_TESTS, NOTEBOOKS
from autograder.sources import BY_HAND, CHECKS, Source, read_sources, solution_regions, visible_lines
from segkit.checking.notebook import run_task
from segkit.checking.public import ASSIGNMENTS, RECORDED, load_recorded, tasks_of
from segkit.student import code_cells, load_cells, provide_sources

SHORTEST_SECRET = 16  # characters; shorter lines (`x = x + y`) say nothing
HEADING = re.compile(r"^## .*$", re.MULTILINE)
HEADING_POINTS = re.compile(r"\((\d+(?:\.\d+)?) points?\b")
# Lines that any PyTorch program has: they give nothing away.
IDIOMS = {
    "super().__init__()",
    "import torch.nn.functional as F",
    "with torch.no_grad():",
    "@torch.no_grad()",
    "for batch in loader:",
    "for images, targets in loader:",
    "for images, target in loader:",
    "optimizer.zero_grad()",
    "optimizer.step()",
    "return loss.item()",
    "was_training = model.training",
    "model.train(was_training)",
    "B, C, H, W = x.shape",
    "return self.norm(x)",
    "**Marking scheme**",
}


def audit(assignment: str) -> list[str]:
    """All problems of an assignment."""
    sources = read_sources(assignment)
    return [
        *wrong_points(sources),
        *headings_with_other_points(sources),
        *missing_tests(assignment, sources),
        *differences_from_rebuild(assignment),
        *stale_recordings(assignment),
        *solution_lines_in_stubs(sources),
        *leaks(sources, NOTEBOOKS),
        *checks_that_assert_nothing(assignment, sources),
    ]


def headings_with_other_points(sources: list[Source]) -> list[str]:
    """Where the heading of a task names points, `## Task 1.1 · ... (3 points, ...)`, its graded cells carry those."""
    return [
        f'{source.path.name}: the heading "{heading}" says {said:g} points, the cells below it carry {carried:g}.'
        for source in sources
        for heading, said, carried in _points_under_headings(source)
        if said != carried
    ]


def _points_under_headings(source: Source) -> list[tuple[str, float, float]]:
    """Each heading that names points, the points that it names, and those of the cells down to the next heading."""
    found: list[tuple[str, float, float]] = []
    open_task = False
    for cell in source.cells:
        if heading := HEADING.search(cell.source) if cell.cell_type == "markdown" else None:
            named = HEADING_POINTS.search(heading[0])
            open_task = named is not None
            if named:
                found.append((heading[0].lstrip("# "), float(named[1]), 0.0))
        if open_task and cell.role in (*CHECKS, BY_HAND):
            text, said, carried = found[-1]
            found[-1] = (text, said, carried + cell.points)
    return found


def missing_tests(assignment: str, sources: list[Source]) -> list[str]:
    """Every task has hidden tests and public checks, there are none without a task, and its name is its own."""
    tasks = {task for source in sources for task in source.points(*CHECKS)}
    tested = {path.stem.removeprefix("test_") for path in (HIDDEN_TESTS / assignment).glob("test_*.py")}
    checked = set(tasks_of(assignment))
    lacking, spare = sorted(tasks - (tested & checked)), sorted((tested | checked) - tasks)
    # `check("name")` says no assignment, and pytest wants file names that differ.
    twins = [
        (other, name) for other in ASSIGNMENTS if other != assignment for name in sorted(tasks & set(tasks_of(other)))
    ]
    return [
        *(f'The task "{name}" lacks hidden tests or public checks.' for name in lacking),
        *(f'There are tests or checks of "{name}", which is no task.' for name in spare),
        *(f'The assignment {other} has a task "{name}" as well: give one of them another id.' for other, name in twins),
    ]


def differences_from_rebuild(assignment: str) -> list[str]:
    """The committed student notebooks are those that the sources build."""
    committed = NOTEBOOKS / assignment
    with tempfile.TemporaryDirectory() as scratch:
        built = {path.name: path for path in build_student_notebooks(assignment, Path(scratch))}
        names = sorted({*built, *(path.name for path in committed.glob("*.ipynb"))})
        different = [name for name in names if not _same(built.get(name), committed / name)]
        edited = [name for name in different if (committed / name).exists() and is_edited(committed / name)]
    return [
        f"notebooks/{assignment}/{name} was {'edited by hand' if name in edited else 'not built from its source'}: "
        f"edit solutions/{assignment} and run `make notebooks`."
        for name in different
    ]


def stale_recordings(assignment: str) -> list[str]:
    """The recorded answers of the public checks are the reference's, with its points, and there are no others."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for path in (RECORDED / assignment).glob("*.safetensors"):
            shutil.copyfile(path, folder / path.name)
        stale = [_why_stale(RECORDED / assignment / path.name, path) for path in record_answers(assignment, folder)]
        spare = sorted({path.stem for path in folder.iterdir()} - set(tasks_of(assignment)))
    return [
        *stale,
        *(f"The recorded answers of {name} belong to no task: delete them." for name in spare),
    ]


def _why_stale(committed: Path, fresh: Path) -> str:
    """What differs between a committed recording and one made of the sources just now."""
    if not committed.is_file():
        return f"The recorded answers {committed.name} are missing: run `make notebooks`."
    old, new = load_recorded(committed), load_recorded(fresh)
    if same_answers(replace(old, points=new.points), new):
        points = f"{old.points:g} points, the notebook's source says {new.points:g}"
        return f"The recorded answers {committed.name} are right, but carry {points}: run `make notebooks`."
    if same_answers(replace(old, hints=new.hints), new):
        return (
            f"The recorded answers {committed.name} are right, but what they say about misconceptions is not that of "
            "the catalogue: run `make notebooks`."
        )
    return f"The recorded answers {committed.name} are not the reference's: run `make notebooks`."


def _same(built: Path | None, committed: Path) -> bool:
    return built is not None and committed.exists() and built.read_bytes() == committed.read_bytes()


def solution_lines_in_stubs(sources: list[Source]) -> list[str]:
    """Every stub hides something, and what it shows holds no line of what it hides."""
    problems = []
    for source in sources:
        for cell in source.cells:
            regions = solution_regions(cell.source)
            if cell.role in ("stub", BY_HAND) and not any(line.strip() for region in regions for line in region):
                problems.append(f'{source.path.name}: "{cell.id}" has no solution between its markers.')
            if cell.role not in ("stub", BY_HAND) and regions:
                problems.append(f'{source.path.name}: a cell of role "{cell.role}" has a solution region.')
            shown = {line.strip() for line in visible_lines(cell.source)}
            hidden = {line for region in regions for line in map(str.strip, region) if _tells(line)}
            problems += [f'{source.path.name}: the stub "{cell.id}" shows `{line}`.' for line in sorted(shown & hidden)]
    return problems


def secret_lines(sources: list[Source]) -> dict[str, str]:
    """Every line of a solution or a marking scheme that tells something, with the notebook it comes from."""
    return {
        line.strip(): source.name
        for source in sources
        for cell in source.cells
        for region in solution_regions(cell.source)
        for line in region
        if _tells(line.strip())
    }


def _tells(line: str) -> bool:
    return len(line) >= SHORTEST_SECRET and line not in IDIOMS and not re.fullmatch(r"[\W_]*", line)


def leaks(sources: list[Source], folder: Path) -> list[str]:
    """Lines of solutions or marking schemes in anything under `folder`, as a line of their own or as part of one."""
    secrets = secret_lines(sources)
    return [
        f"{path.relative_to(folder)} gives away a line of {name}: `{line}`."
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)
        for text in [_text(path)]
        for line, name in secrets.items()
        if line in text
    ]


def _text(path: Path) -> str:
    """What a reader sees of a file: of a notebook its cells, for JSON writes a quote otherwise."""
    if path.suffix == ".ipynb":
        return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    return path.read_bytes().decode("utf-8", errors="replace")


def checks_that_assert_nothing(assignment: str, sources: list[Source]) -> list[str]:
    """Every check cell calls `check` on its own task, and that check fails on a student notebook as it is released."""
    problems = []
    folder = NOTEBOOKS / assignment
    released = {path.stem: code_cells(nbformat.read(path, as_version=4)) for path in sorted(folder.glob("*.ipynb"))}
    for source in sources:
        provide_sources(released)
        names = vars(load_cells(source.name, released.get(source.name, [])).module)
        for cell in source.cells:
            if cell.role in CHECKS:
                problems += _check_problems(source, cell.id, cell.source, names)
    return problems


def _check_problems(source: Source, task: str, text: str, names: dict) -> list[str]:
    if _checked_tasks(text) != [task]:
        return [f'{source.path.name}: the check cell "{task}" does not consist of `check("{task}")`.']
    outcomes = run_task(task, names).outcomes
    if not outcomes:
        return [f'{source.path.name}: the check of "{task}" asserts nothing.']
    return [
        f'{source.path.name}: the check of "{task}" is passed by the untouched stub ({outcome.title}).'
        for outcome in outcomes
        if outcome.problem is None
    ]


def _checked_tasks(text: str) -> list[str]:
    calls = [statement.value for statement in ast.parse(text).body if isinstance(statement, ast.Expr)]
    checks = [call for call in calls if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "check"]
    return [argument.value for call in checks for argument in call.args if isinstance(argument, ast.Constant)]
