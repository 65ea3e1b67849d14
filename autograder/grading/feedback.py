"""A verdict in words, for the feedback page and the terminal: what was asked, what it carried, what was wrong.

Words that come from the process of a student's code are always marked as such: it may say anything.
"""

from jinja2 import Environment

from autograder.grading.verdicts import FAULT, Finding, TaskVerdict, Verdict
from autograder.sandbox import Bubblewrap

QUOTED = 300  # characters of a student's process that are shown at a time
STOPPED = {
    "time": "stopped: out of time",
    "cpu": "stopped: out of processor time",
    "memory": "stopped: out of memory",
    "processes": "stopped: too many processes",
    "disk": "stopped: out of disk space",
    "crash": "stopped: the process crashed",
    "exit": "stopped: the process ended itself",
    "protocol": "stopped: the process sent what is no answer",
    "forbidden access": "stopped: access that is not allowed here",
    FAULT: "not judged",
}
APART = "Right, but for the mistake that cost points elsewhere."
_ENVIRONMENT = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
_TASK = _ENVIRONMENT.from_string(
    """\
<p><b>{{ worth }}</b></p>
<table>
{% for finding in task.findings %}
<tr>
<td style="color:{{ '#b30000' if finding.message else '#006d2c' }}">{{ '✗' if finding.message else '✓' }}</td>
<td style="text-align:left"><b>{{ finding.title }}</b>
{% if finding.stopped %} <i>({{ stopped(finding) }})</i>{% endif %}
{% if finding.message and repeated(task, finding) %}<br>The same.
{% elif finding.message and finding.said %}<br>The process of your code reported:
 <q style="font-family:monospace">{{ quoted(finding.message) }}</q>
{% elif finding.message %}<br>{{ finding.message }}
{% elif finding.note %}<br>{{ finding.note }}
{% elif finding.apart_from %}<br>{{ apart }}{% endif %}</td>
<td>{{ '%g' % task.earned_by(finding) }} of {{ '%g' % task.points_of(finding) }}</td>
</tr>
{% endfor %}
</table>
{% if problems %}
<p>While your notebook was loaded, the process of your code reported:</p>
<ul>{% for problem in problems %}<li><q style="font-family:monospace">{{ quoted(problem) }}</q></li>{% endfor %}</ul>
{% endif %}
"""
)
_NOTEBOOK = _ENVIRONMENT.from_string(
    """\
<div style="border:1px solid #b35900;padding:0.5em 1em">
<b>From the autograder</b>
{% if unreadable %}<p>Nothing in this notebook could be graded: {{ unreadable }}</p>{% endif %}
{% if repairs %}<p>Repaired before grading (the file that was handed in is untouched):</p>
<ul>{% for repair in repairs %}<li>{{ repair }}</li>{% endfor %}</ul>{% endif %}
{% if unsafe %}<p>This was graded without a sandbox, which is for trusted solutions only.</p>{% endif %}
</div>
"""
)


def task_html(task: TaskVerdict, problems: list[str]) -> str:
    """A table of the task's tests; everything a student wrote is escaped, marked and cut."""
    lost = any(finding.message for finding in task.findings)
    return _TASK.render(
        task=task, worth=_worth(task), problems=problems if lost else [], quoted=_quoted, repeated=_repeated,
        stopped=stopped_by, apart=APART,
    )  # fmt: skip


def notebook_html(verdict: Verdict) -> str | None:
    """What was repaired, could not be read or ran unsafely; None if there is nothing to say."""
    unsafe = verdict.basis.sandbox != Bubblewrap.name
    if not (verdict.repairs or verdict.unreadable or unsafe):
        return None
    return _NOTEBOOK.render(repairs=verdict.repairs, unreadable=verdict.unreadable, unsafe=unsafe)


def task_text(task: TaskVerdict) -> str:
    """The same as lines."""
    lines = [f"{task.task}: {_worth(task)}"]
    for finding in task.findings:
        stopped = f" ({stopped_by(finding)})" if finding.stopped else ""
        lines.append(f"  {'✗' if finding.message else '✓'} {finding.title}{stopped}")
        said = "The same." if finding.message and _repeated(task, finding) else finding_text(finding)
        if said:
            lines.append(f"      {said}")
    return "\n".join(lines)


def finding_text(finding: Finding) -> str:
    """What there is to say about one test; nothing, if it found nothing."""
    if finding.message and finding.said:
        return f'The process of your code reported: "{_quoted(finding.message)}"'
    return finding.message or finding.note or (APART if finding.apart_from else "")


def stopped_by(finding: Finding) -> str:
    """What stopped a test that was stopped."""
    return STOPPED.get(finding.stopped, "stopped")


def _worth(task: TaskVerdict) -> str:
    bonus = "bonus points, on top of the others" if task.bonus else "points"
    return f"{task.points:g} of {task.max_points:g} {bonus}"


def _quoted(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return printable if len(printable) <= QUOTED else f"{printable[:QUOTED]} ..."


def _repeated(task: TaskVerdict, finding: Finding) -> bool:
    """An earlier test of the task has said the same already."""
    earlier = task.findings[: task.findings.index(finding)]
    return any((other.message, other.said) == (finding.message, finding.said) for other in earlier)
