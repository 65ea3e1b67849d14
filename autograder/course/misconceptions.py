"""Which mistakes a class made, per question: read from the verdicts of its submissions."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.exports.spreadsheet import inert
from autograder.groups.file import read_groups
from autograder.misconceptions import misconceptions_of
from segkit.checking.explain_error import UNWRITTEN
from segkit.errors import CourseError

COLUMNS = ("student", "members", "notebook", "question", "misconception", "symptom", "points", "of")


@dataclass(frozen=True)
class Question:
    """One student's answer to one question, as it was judged; `misconceptions`: names of the recognised mistakes.

    `unwritten`: the student has left the stub as it was, so that every test that failed met nothing.
    """

    student: str
    notebook: str
    task: str
    points: float
    max_points: float
    misconceptions: list[str]
    bonus: bool = False
    unwritten: bool = False


def judged_questions(root: Path, assignment: str) -> Iterator[Question]:
    """Every question that was judged in the course in `root`; verdicts that cannot be read are left out.

    Raises:
        CourseError: if nothing of the assignment has been graded.
    """
    folder = root / "verdicts" / assignment
    paths = sorted(folder.glob("*/[0-9]*.json"))
    if not paths:
        raise CourseError(f"Nothing of {assignment} has been graded in {root}: run `nbgrader autograde {assignment}`.")
    for path in paths:
        try:
            verdict = json.loads(path.read_text(encoding="utf-8"))
            if verdict.get("unreadable"):
                continue
            for task, record in verdict["tasks"].items():
                if not misconceptions_of(assignment, task):
                    continue  # a trained model, which is measured and has no mistakes to be recognised
                points, maximum = float(record["points"]), float(record["max_points"])
                names, bonus = list(record["misconceptions"]), bool(record.get("bonus"))
                unwritten = _is_unwritten(record)
                yield Question(path.parent.name, path.stem, task, points, maximum, names, bonus, unwritten)
        except (OSError, ValueError, KeyError, TypeError):
            continue


def _is_unwritten(record: dict) -> bool:
    messages = [finding["message"] for finding in record["findings"] if finding["message"]]
    return bool(messages) and all(message.startswith(UNWRITTEN) for message in messages)


def misconceptions_table(root: Path, assignment: str) -> str:
    """Per question, how many lost points, and which misconceptions they have, the most frequent first.

    Raises:
        CourseError: if nothing of the assignment has been graded.
    """
    by_task: dict[str, list[Question]] = defaultdict(list)
    for question in judged_questions(root, assignment):
        by_task[question.task].append(question)
    lines = []
    for task, questions in by_task.items():
        wrong = [question for question in questions if question.points < question.max_points]
        lost = "do not have all points of this bonus" if questions[0].bonus else "lost points"
        lines.append(f"{task}: {len(wrong)} of {len(questions)} {lost}")
        lines += _frequencies(assignment, task, wrong)
    return "\n".join(lines)


def _frequencies(assignment: str, task: str, wrong: list[Question]) -> list[str]:
    symptoms = {mistake.name: mistake.symptom for mistake in misconceptions_of(assignment, task)}
    counts: dict[str, int] = defaultdict(int)
    for question in wrong:
        for name in question.misconceptions:
            counts[name] += 1
    lines = [
        f"  {count:>4}  {name}: {symptoms.get(name, 'no longer in the catalogue')}"
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    unwritten = sum(question.unwritten for question in wrong)
    unknown = sum(not question.misconceptions and not question.unwritten for question in wrong)
    lines += [f"  {unknown:>4}  not recognised"] if unknown else []
    return [*lines, f"  {unwritten:>4}  not written"] if unwritten else lines


def write_misconceptions(root: Path, assignment: str, path: Path) -> int:
    """Write one row per student, question and misconception as CSV, and one for each loss that was not recognised.

    Stubs that nobody has written are no mistakes, and are left out. A group stands there as a student does; the column
    `members` says who is in it.

    Returns:
        How many rows were written.

    Raises:
        CourseError: if nothing has been graded, `groups.csv` cannot be right, or the file cannot be written.
    """
    rows, groups = [], read_groups(root)
    for question in judged_questions(root, assignment):
        symptoms = {mistake.name: mistake.symptom for mistake in misconceptions_of(assignment, question.task)}
        if question.points < question.max_points and not question.unwritten:
            rows += [
                (inert(question.student), inert(" ".join(groups.members.get(question.student, ()))), question.notebook,
                 question.task, name, symptoms.get(name, ""), question.points, question.max_points)
                for name in question.misconceptions or [""]
            ]  # fmt: skip
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(rows)
    except OSError as error:
        raise CourseError(f"{path} cannot be written ({error.strerror}).") from None
    return len(rows)
