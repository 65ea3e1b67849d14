"""A verdict in words, for the feedback page and the terminal: what was asked, what it carried, what was wrong."""

from jinja2 import Environment

from autograder.verdicts import Finding, TaskVerdict

_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """\
<p><b>{{ '%g' % task.points }} of {{ '%g' % task.max_points }} points</b></p>
<table>
{% for finding in task.findings %}
<tr>
<td style="color:{{ '#b30000' if finding.message else '#006d2c' }}">{{ '✗' if finding.message else '✓' }}</td>
<td style="text-align:left"><b>{{ finding.title }}</b>
{% if finding.message %}<br>{{ words(task, finding) }}{% endif %}</td>
<td>{{ '%g' % (0 if finding.message else task.points_of(finding)) }} of {{ '%g' % task.points_of(finding) }}</td>
</tr>
{% endfor %}
</table>
{% if problems %}
<p>While your notebook was loaded:</p>
<ul>{% for problem in problems %}<li>{{ problem }}</li>{% endfor %}</ul>
{% endif %}
"""
)


def task_html(task: TaskVerdict, problems: list[str]) -> str:
    """A table of the task's tests; everything a student wrote is escaped."""
    lost = any(finding.message for finding in task.findings)
    return _TEMPLATE.render(task=task, problems=problems if lost else [], words=_words)


def task_text(task: TaskVerdict) -> str:
    """The same as lines."""
    lines = [f"{task.task}: {task.points:g} of {task.max_points:g} points"]
    for finding in task.findings:
        lines.append(f"  {'✗' if finding.message else '✓'} {finding.title}")
        if finding.message:
            lines.append(f"      {_words(task, finding)}")
    return "\n".join(lines)


def _words(task: TaskVerdict, finding: Finding) -> str:
    """The test's message; a sentence that an earlier test of the task has said is not said again."""
    earlier = task.findings[: task.findings.index(finding)]
    return "The same." if any(other.message == finding.message for other in earlier) else finding.message
