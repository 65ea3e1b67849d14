"""Writes the report of a course."""

from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from autograder.course.marks import read_marks, read_penalties
from autograder.files import write_whole
from autograder.grading.cases import course_secret
from autograder.groups.file import read_groups
from autograder.report.answers import Answers, expected_code, read_answers
from autograder.report.figures import KINDS, Incident, distribution, incidents, task_figures, test_figures, times
from autograder.report.likeness import Comparison, compare
from autograder.report.mistakes import mistake_figures, not_recognised
from autograder.report.page import Report, as_page
from autograder.report.reading import NotebookResult, Verdicts, read_last_run, read_verdicts
from autograder.report.students import feedback_links, names_of, student_rows
from segkit.errors import CourseError


def write_report(root: Path, assignment: str, out: Path, *, anonymous: bool = False) -> Path:
    """Write the page about the class of the course in `root` into the file `out`.

    Args:
        anonymous: made-up names in place of ids, and no way from the page to a student's feedback.

    Raises:
        CourseError: if nothing is graded, or `out` cannot be written.
    """
    page = as_page(make_report(root, assignment, out, anonymous=anonymous))
    try:
        write_whole(out, page)
    except OSError as error:
        raise CourseError(f"The report could not be written to {out} ({error.strerror}).") from None
    return out


def make_report(root: Path, assignment: str, out: Path, *, anonymous: bool = False) -> Report:
    """What stands on the page that will lie at `out`.

    Raises:
        CourseError: if nothing is graded.
    """
    verdicts = read_verdicts(root, assignment)
    marks = {student: given for student, given in read_marks(root, assignment).items() if given}
    if not marks:
        raise CourseError(
            f"The gradebook in {root} holds no marks for {assignment}: run `nbgrader autograde {assignment}`."
        )
    results = [result for result in verdicts.results if result.student in marks]
    groups = read_groups(root)
    names = names_of(marks, course_secret(root) if anonymous else None, assignment, groups)
    links = {} if anonymous else feedback_links(root, assignment, marks, out)
    answers, released, missing = _answers(root, assignment, list(marks))
    students = student_rows(marks, results, names, links, read_penalties(root, assignment))
    return Report(
        assignment=assignment,
        anonymous=anonymous,
        students=students,
        names=names,
        intervals=distribution(students),
        tasks=task_figures(marks, results),
        tests=test_figures(results),
        mistakes=mistake_figures(results, answers, assignment, groups),
        not_recognised=not_recognised(results, assignment),
        incidents=_named(incidents(results), names, anonymous),
        times=times(students, results),
        comparisons=compare_all(assignment, answers, released),
        last_run=read_last_run(root, assignment),
        remarks=[*missing, *_remarks(verdicts, results, marks)],
    )


def compare_all(assignment: str, answers: Answers, released: dict[str, str]) -> list[Comparison]:
    """Each notebook's code of all students, every two of them; notebooks without code are left out."""
    found = []
    for notebook in tqdm([name for name in released if released[name]], desc="comparing", unit="notebook"):
        codes = {student: "\n\n".join(own[notebook].values()) for student, own in answers.items() if own.get(notebook)}
        found.append(compare(notebook, codes, [released[notebook], expected_code(assignment, notebook)]))
    return found


def _answers(root: Path, assignment: str, students: list[str]) -> tuple[Answers, dict[str, str], list[str]]:
    """The students' code and the released one's or, without notebooks as released, a sentence."""
    try:
        answers, released = read_answers(root, assignment, students)
    except CourseError as error:
        return {}, {}, [f"Code could be neither shown nor compared. {error}"]
    return answers, dict(released), []


def _named(found: list[Incident], names: dict[str, str], anonymous: bool) -> list[Incident]:
    """With the names of the page, in their order; a sentence may hold a file's name, and that a student's."""
    named = [replace(one, student=names[one.student], sentence="" if anonymous else one.sentence) for one in found]
    return sorted(named, key=lambda one: (KINDS.index(one.kind), one.student.casefold(), one.notebook))


def _remarks(verdicts: Verdicts, results: list[NotebookResult], marks: dict) -> list[str]:
    """What is not on the page, and why."""
    remarks = []
    if count := len(verdicts.left_out):
        remarks.append(
            f"{count} verdict file{'s' * (count > 1)} could not be read or {'are' if count > 1 else 'is'} of an older "
            "version, and what they say is missing here: grade again to have them."
        )
    if strangers := {one.student for one in verdicts.results} - marks.keys():
        remarks.append(f"{len(strangers)} graded submission(s) have no marks in the gradebook and are left out.")
    if silent := marks.keys() - {one.student for one in results}:
        remarks.append(f"{len(silent)} student(s) have marks but no verdict that could be read.")
    return remarks
