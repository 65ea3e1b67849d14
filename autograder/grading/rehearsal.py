"""What the grader would say of code that can be trusted: hidden tests and diagnosis in this process."""

from dataclasses import replace

from autograder.grading.diagnosis import Case, diagnosed
from autograder.grading.examination import Examination, WrongAnswer
from autograder.grading.hidden import hidden_tests
from autograder.grading.verdicts import Finding, TaskVerdict
from autograder.trusted import TrustedWorker
from segkit.student import Cell


def rehearse(
    case: Case, cells: dict[str, list[Cell]], points: float = 1.0, *, device: str = "cpu", whole: bool = True
) -> TaskVerdict:
    """The verdict on one task of a submission; its code runs without a sandbox. `whole`: as in `Judge`."""
    findings = []
    with Examination(
        case.assignment, cells, case.secret, case.number, device, make_worker=TrustedWorker
    ) as examination:
        for name, test in hidden_tests(case.assignment, case.task).items():
            marked, called = test.pytestmark[0].kwargs, f"test_{name}"
            finding = Finding(called, marked["title"], marked["share"], None, 0.0)
            try:
                judge = replace(examination.judge(case.task, called), whole=whole)
                test(judge, examination.draw(case.task, called))
            except WrongAnswer as wrong:
                finding = Finding(
                    called, marked["title"], marked["share"], str(wrong), 0.0, wrong.said, wrong.stopped, wrong.mark
                )
            findings.append(finding)
    return TaskVerdict(case.task, points, diagnosed(case, findings))
