"""What must hold after the class was graded; each check returns the sentences of what does not."""

import json
import math
from html.parser import HTMLParser

import nbformat
from attack import ASSIGNMENT, NOTEBOOK, TASKS
from nbconvert.filters import markdown2html
from running import Ran

from autograder.paths import HIDDEN_TESTS
from autograder.sources import AUTOMATIC, BY_HAND, read_sources

[SOURCE] = read_sources(ASSIGNMENT)
MAXIMA, WRITTEN = SOURCE.points(AUTOMATIC), SOURCE.points(BY_HAND)


def problems(ran: Ran) -> list[str]:
    """All that does not hold."""
    checks = (completed, honest_marks, attackers_marks, said, plain_points, untouched, secrets_kept, left, quiet, pages)
    return [f"{check.__name__}: {sentence}" for check in checks for sentence in check(ran)]


def counts(ran: Ran) -> str:
    """The lines under the table."""
    points = ran.points()
    exact = [student for student in ran.honest if points.get(student.name) == student.points]
    gained = [attack for attack in ran.attacks if sum(points[attack.name]) > attack.at_most]
    lies = [attack for attack in ran.attacks if attack.property_points]
    return "\n".join(
        [
            f"attacks: {len(ran.attacks)}; changed other marks: {len(honest_marks(ran))}; changed files outside: "
            f"{len(untouched(ran)) + len(left(ran))}; gained points: {len(gained)}; honest submissions exact: "
            f"{len(exact)} of {len(ran.honest)}; batch completed: {'no' if completed(ran) else 'yes'}",
            f"points of properties by a lie about right values (documented): "
            f"{sum(attack.property_points for attack in lies):g} by {len(lies)}; {ran.seconds:.0f} seconds",
        ]
    )


def completed(ran: Ran) -> list[str]:
    """The batch went through to its summary, everybody is in the gradebook and has feedback."""
    students = [student.name for student in (*ran.honest, *ran.attacks)]
    found = [f"{name} has no points" for name, points in ran.points().items() if math.isnan(sum(points))]
    found += [f"{name} has no feedback" for name in students if not _feedback(ran, name).exists()]
    if f"{len(students)} submissions graded in this run:" not in ran.said:
        found.append(f"there is no summary of {len(students)} submissions")
    unreadable = any("cannot be used" in attack.outcome for attack in ran.attacks)
    if ran.status != (1 if unreadable else 0) or ran.feedback_status != 0:
        found.append(f"nbgrader ended with {ran.status} and {ran.feedback_status}")
    if found:
        found.append("the last that it said: " + " | ".join(ran.said.strip().splitlines()[-12:])[-3000:])
    return found


def honest_marks(ran: Ran) -> list[str]:
    """Honest students have the points of their code, and their written answers wait for a person."""
    marks, found = ran.course.marks(), []
    for student in ran.honest:
        given = {mark.cell: mark.score for mark in marks.get(student.name, [])}
        others = MAXIMA if student.answered else dict.fromkeys(MAXIMA, 0.0)  # as in the reference, or untouched
        wanted = others | dict(zip(TASKS, student.points, strict=True))
        wanted |= dict.fromkeys(WRITTEN, None if student.answered else 0.0)
        if given != wanted:
            found.append(f"{student.name} has {given}, not {wanted}")
    return found


def attackers_marks(ran: Ran) -> list[str]:
    """Attackers have what is documented, and not more than they earned."""
    points, found = ran.points(), []
    for attack in ran.attacks:
        if points[attack.name] != attack.gets:
            found.append(f"{attack.name} has {points[attack.name]}, not {attack.gets}")
        if sum(points[attack.name]) > attack.at_most:
            found.append(f"{attack.name} gained points that it did not earn")
    return found


def said(ran: Ran) -> list[str]:
    """What came of an attack is said in its verdict or in the record of the run."""
    record = json.loads((ran.folder("verdicts") / ASSIGNMENT / "last_run.json").read_text(encoding="utf-8"))
    sections = [section for section in record.values() if isinstance(section, dict)]
    found = []
    for attack in ran.attacks:
        words = ran.verdict(attack.name) + "".join(str(section.get(attack.name, "")) for section in sections)
        found += [f"of {attack.name} it is not said: {text}" for text in attack.says if text not in words]
    return found


def plain_points(ran: Ran) -> list[str]:
    """Points are finite, in range and the verdict's, and their maxima are the released ones."""
    found = []
    for student, given in ran.course.marks().items():
        tasks = json.loads(ran.verdict(student))["tasks"]
        for mark in given:
            if mark.automatic and not 0 <= (mark.score or 0.0) <= mark.maximum == MAXIMA[mark.cell]:
                found.append(f"{student} has {mark.score} of {mark.maximum} for {mark.cell}")
            if mark.automatic and mark.score != tasks.get(mark.cell, {}).get("points"):
                found.append(f"{student} has {mark.score} for {mark.cell}, which is not its verdict's")
        if {mark.cell for mark in given} != {*MAXIMA, *WRITTEN}:
            found.append(f"{student} has marks for {sorted(mark.cell for mark in given)}")
    return found


def untouched(ran: Ran) -> list[str]:
    """Nothing outside of what the grader writes has changed."""
    paths = {*ran.before, *ran.after}
    return sorted(f"{path} changed" for path in paths if ran.before.get(path) != ran.after.get(path))


def secrets_kept(ran: Ran) -> list[str]:
    """No secret stands in anything that was written."""
    secret = ran.place.names["TOKEN"]
    written = [path for top in ("autograded", "verdicts", "feedback") for path in ran.folder(top).rglob("*")]
    found = [path for path in written if path.is_file() and not path.is_symlink() and secret in _text(path)]
    links = [path for path in written if path.is_symlink()]
    return [f"{path} holds a secret" for path in found] + [f"{path} is a symbolic link" for path in links]


def left(ran: Ran) -> list[str]:
    """No process and no file of an attack is there any more."""
    return [f"{what} was left behind" for what in ran.left_behind]


def quiet(ran: Ran) -> list[str]:
    """Nobody outside was reached, and nothing that a submission printed is in nbgrader's output."""
    found = [f"{ran.contacts} connections were made"] if ran.contacts else []
    return found + (["the grader printed a traceback"] if "Traceback (most recent call last)" in ran.said else [])


def pages(ran: Ran) -> list[str]:
    """Nothing of a student's is active on a page, and no page shows a line of a hidden test."""
    secret_lines = {
        line.strip()
        for path in (HIDDEN_TESTS / ASSIGNMENT).glob("test_*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if len(line.strip()) >= 20 and not line.startswith(("@graded", "import", "from"))
    }
    found = []
    for student in (*ran.honest, *ran.attacks):
        page = _text(_feedback(ran, student.name)) if _feedback(ran, student.name).exists() else ""
        found += [f"{student.name}'s feedback shows: {line}" for line in secret_lines if line in page]
        texts = [page, *_shown(ran, student.name)]
        found += [
            f"{student.name}: active on a page: {what}" for text in texts for what in active(text, ran.place.token)
        ]
    return found


def active(page: str, token: str) -> list[str]:
    """What on a page would run or load and comes from a student: their scripts hold the token."""
    finder = _Active(token)
    finder.feed(page)
    return finder.found


class _Active(HTMLParser):
    def __init__(self, token: str) -> None:
        super().__init__()
        self.token, self.found, self.inside = token, [], None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.inside = tag if tag in ("script", "style") else None
        for name, value in attributes:
            value = "".join((value or "").split()).casefold()
            if value.startswith(("javascript:", "data:text/html")) or (name.startswith("on") and self.token in value):
                self.found.append(f"<{tag} {name}={value[:60]}>")

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        self.inside = None

    def handle_data(self, data: str) -> None:
        if self.inside and self.token in data:
            self.found.append(f"<{self.inside}>{data[:60]}")


def _shown(ran: Ran, student: str) -> list[str]:
    """What formgrader puts on its page as it is: rendered texts, HTML outputs and drawings."""
    path = ran.folder("autograded") / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    if not path.exists():
        return []
    notebook = nbformat.read(path, as_version=4)
    texts = [markdown2html(cell.source) for cell in notebook.cells if cell.cell_type == "markdown"]
    texts += [cell.source for cell in notebook.cells if cell.cell_type == "raw"]
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            texts += [data[mime] for mime in ("text/html", "image/svg+xml") if mime in data]
            texts += [f"<script>{data[mime]}</script>" for mime in data if "javascript" in mime]
            texts += [markdown2html(data["text/markdown"])] if "text/markdown" in data else []
    return texts


def _feedback(ran: Ran, student: str):
    return ran.folder("feedback") / student / ASSIGNMENT / f"{NOTEBOOK}.html"


def _text(path) -> str:
    return path.read_bytes().decode(errors="replace")
