"""Mistakes are recognised in whatever style they come, alone or two at a time, and cost what they are about."""

import json
import re

import pytest
from answers import SECRET, assignment_of, cells_with

from autograder.grading import diagnosis
from autograder.grading.diagnosis import Case
from autograder.grading.feedback import APART, task_html, task_text
from autograder.grading.rehearsal import rehearse
from autograder.grading.verdicts import Finding, TaskVerdict
from autograder.misconceptions import Code, edits, misconceptions_of
from autograder.paths import NOTEBOOKS
from autograder.submissions import candidate_cells


def judged(task: str, *changes, number: int = 0) -> TaskVerdict:
    assignment = assignment_of(task)
    return rehearse(Case(assignment, task, SECRET, number), cells_with(changes, assignment), points=10)


def with_mistakes(task: str, *names: str) -> TaskVerdict:
    catalogue = {mistake.name: mistake for mistake in misconceptions_of(assignment_of(task), task)}
    return judged(task, *(change for name in names for change in catalogue[name].changes))


def lost(verdict: TaskVerdict) -> set[str]:
    return {finding.test.removeprefix("test_") for finding in verdict.findings if finding.message}


def finding_of(verdict: TaskVerdict, test: str) -> Finding:
    return next(finding for finding in verdict.findings if finding.test == f"test_{test}")


# --- partial credit -------------------------------------------------------------------------------------------------


def test_a_wrong_scale_does_not_also_cost_the_points_for_the_reduction():
    verdict = with_mistakes("attention", "scaled by all channels")
    assert lost(verdict) == {"heads"}
    assert finding_of(verdict, "heads_and_reduction").apart_from == ["scaled by all channels"]
    assert finding_of(verdict, "reduction").apart_from == []
    assert verdict.misconceptions == ["scaled by all channels"]
    assert APART in task_text(verdict) and APART in task_html(verdict, [])


SCALED_OTHERWISE = edits("EfficientSelfAttention", "1 / math.sqrt(channels // num_heads)", "0.41")


def test_a_scale_that_nobody_thought_of_does_not_either():
    verdict = judged("attention", *SCALED_OTHERWISE)
    assert verdict.misconceptions == []
    assert not lost(verdict) & {"reduction", "weights", "manners"}
    assert lost(verdict) >= {"one_head", "heads"}


def test_what_is_wrong_beyond_a_misconception_is_not_forgiven():
    """Only answers that are the misconception's everywhere are right but for it."""
    scaled_by_all = ("math.sqrt(channels // num_heads)", "math.sqrt(channels)")
    a_factor_too = ("return self.output(merged)", "return 1.5 * self.output(merged)")
    verdict = judged("attention", *edits("EfficientSelfAttention", *scaled_by_all, *a_factor_too))
    assert verdict.points == 0 and verdict.misconceptions == []


# --- two mistakes ---------------------------------------------------------------------------------------------------


def test_two_mistakes_in_one_class_are_recognised_together():
    verdict = with_mistakes("attention", "scaled by all channels", "no norm after the reduction")
    assert set(verdict.misconceptions) == {"scaled by all channels", "no norm after the reduction"}
    assert lost(verdict) == {"heads", "reduction"}


@pytest.mark.parametrize("task", ["decoder", "mix_ffn", "training_step"])
def test_each_of_two_mistakes_is_told_and_no_message_is_long(task: str):
    catalogue = [mistake for mistake in misconceptions_of("segformer", task) if not mistake.random]
    pairs = 0
    for one, other in zip(catalogue[::2], catalogue[1::2], strict=False):
        try:
            verdict = judged(task, *one.changes, *other.changes)
        except LookupError:  # both change the same place
            continue
        messages = [finding.message for finding in verdict.findings if finding.message]
        assert all(len(re.findall(r"[.?](?=\s+[A-Z]|$)", message)) <= 3 for message in messages), messages
        if {one.name, other.name} <= set(verdict.misconceptions):
            pairs += 1
            assert all(any(mistake.symptom in message for message in messages) for mistake in (one, other))
    assert pairs >= 3


def test_two_mistakes_in_two_functions_of_a_task_are_recognised_together():
    verdict = with_mistakes("mean_iou", "rows and columns exchanged", "absent classes counted as 0")
    assert set(verdict.misconceptions) == {"rows and columns exchanged", "absent classes counted as 0"}


def test_a_known_mistake_beside_an_unknown_one_still_gets_its_hint():
    strange = edits("confusion_matrix", "(num_classes, num_classes)", "(num_classes, num_classes) + 7")
    known = next(one for one in misconceptions_of("segformer", "mean_iou") if one.name == "absent classes counted as 0")
    verdict = judged("mean_iou", *strange, *known.changes)
    finding = finding_of(verdict, "absent_class")
    assert finding.misconceptions == ["absent classes counted as 0"] and finding.message.endswith(known.hint)
    assert not any(finding.apart_from for finding in verdict.findings)


# --- in another style -----------------------------------------------------------------------------------------------

INTERLEAVED = """
class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.heads, self.ratio = num_heads, reduction_ratio
        self.q, self.kv, self.out = (nn.Conv2d(channels, n * channels, 1) for n in (1, 2, 1))
        if reduction_ratio > 1:
            self.shrink = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
            self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        B, C, H, W = x.shape
        reduced = self.norm(self.shrink(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2) if self.ratio > 1 else x
        q = self.q(x).reshape(B, self.heads, C // self.heads, -1)
        k, v = self.kv(reduced).reshape(B, self.heads, 2, C // self.heads, -1).unbind(2)
        scores = torch.einsum("bhdn,bhdm->bhnm", q, k) / SCALE
        return self.out(torch.einsum("bhnm,bhdm->bhdn", scores.softmax(AXIS), v).reshape(B, C, H, W))
"""


@pytest.mark.parametrize(
    ("scale", "axis", "name"),
    [
        ("(C // self.heads) ** 0.5", "-1", None),
        ("C**0.5", "-1", "scaled by all channels"),
        ("1", "-1", "not scaled"),
        ("(C // self.heads) ** 0.5", "-2", "softmax over the queries"),
    ],
)
def test_a_mistake_is_recognised_in_a_fused_interleaved_attention(scale, axis, name):
    text = INTERLEAVED.replace("SCALE", f"({scale})").replace("AXIS", axis)
    verdict = judged("attention", Code("02_modules", text))
    assert verdict.misconceptions == ([name] if name else [])
    assert (verdict.points == 10) == (name is None)


OTHER_STYLES = {
    ("mix_ffn", "a residual inside"): '''
class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        hidden = channels * expansion_factor
        self.net = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, hidden, 3, 1, 1, groups=hidden),
                                 nn.GELU(), nn.Conv2d(hidden, channels, 1))

    def forward(self, x):
        return self.net(x) + x
''',
    ("mix_ffn", "ReLU"): '''
class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        self.one = nn.Linear(channels, channels * expansion_factor)
        self.two = nn.Linear(channels * expansion_factor, channels)
        self.conv = nn.Conv2d(*[channels * expansion_factor] * 2, 3, padding=1, groups=channels * expansion_factor)

    def forward(self, x):
        x = self.conv(self.one(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return self.two(F.relu(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
''',
}  # fmt: skip


@pytest.mark.parametrize(("task", "name"), OTHER_STYLES)
def test_a_mistake_is_recognised_in_other_words(task: str, name: str):
    assert judged(task, Code("02_modules", OTHER_STYLES[task, name])).misconceptions == [name]


# --- what is not diagnosed ------------------------------------------------------------------------------------------


def test_what_is_not_written_is_not_diagnosed():
    case = Case("segformer", "attention", SECRET, 0)
    verdict = rehearse(case, candidate_cells(NOTEBOOKS, "segformer"))
    assert verdict.points == 0 and verdict.misconceptions == []
    assert "not written yet" in verdict.findings[0].message


def test_a_cell_that_cannot_be_read_is_not_diagnosed():
    """Two misconceptions whose edits spoil each other's text must not be what it is taken for."""
    verdict = judged("mix_ffn", *edits("MixFFN", "hidden = channels", "hidden = (channels"))
    assert verdict.points == 0 and verdict.misconceptions == []
    assert verdict.findings[0].message.startswith("MixFFN is not defined")


LAYERS_IN_A_LIST = """
class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        hidden = channels * expansion_factor
        self.expand = nn.Conv2d(channels, hidden, 1)
        self.others = [nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden).double(), nn.Conv2d(hidden, channels, 1).double()]

    def forward(self, x):
        depthwise, contract = self.others
        return contract(F.gelu(depthwise(self.expand(x))))
"""  # noqa: E501
LAZY = """
class MixFFN(nn.Module):
    def __init__(self, channels, expansion_factor):
        super().__init__()
        self.expand = nn.LazyLinear(channels)
"""
NO_MODULE = """
class MixFFN:
    def __init__(self, channels, expansion_factor):
        self.expand = nn.Linear(channels, channels)
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAYERS_IN_A_LIST, "weights (biases and norms not counted), the design has"),
        (LAZY, "The parameter expand.weight has no size before the first call"),
        (NO_MODULE, "MixFFN is no nn.Module"),
    ],
)
def test_a_module_that_cannot_be_set_up_gets_a_message_about_that(text: str, words: str):
    verdict = judged("mix_ffn", Code("02_modules", text))
    assert verdict.points == 0
    assert words in verdict.findings[0].message
    assert "right shape" not in verdict.findings[0].message


def test_what_misconceptions_answer_is_found_once_for_all_processes_of_a_course(tmp_path, monkeypatch):
    mistake = misconceptions_of("segformer", "attention")[0]
    case = Case("segformer", "attention", SECRET, 1, tmp_path / "marks.json")
    cells = cells_with(mistake.changes)
    diagnosis._book.cache_clear()
    first = rehearse(case, cells)
    assert first.misconceptions == [mistake.name]
    diagnosis._book.cache_clear()  # as in another process
    with monkeypatch.context() as patch:
        patch.setattr(diagnosis, "_tried", None)
        assert rehearse(case, cells) == first
    for damaged in ("", "{", "[]", "3"):
        case.kept.write_text(damaged)
        diagnosis._book.cache_clear()
        assert rehearse(case, cells) == first
    assert len(json.loads(case.kept.read_text())) > 5
