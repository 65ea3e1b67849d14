"""What a student's code raised is told with a line of theirs, never with one of ours."""

import torch
from torch import nn

from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.explain_error import _is_students
from segkit.checking.notebook import Report
from segkit.checking.public import Outcome
from segkit.checking.workbench import Workbench
from segkit.student import Cell, load_cells


def sentence(source: str, *arguments) -> str:
    """What a call of `f` in that source says."""
    module = load_cells("02_modules", [Cell(3, source)]).module
    candidate = Candidate(Workbench(module).perform, "segformer")
    candidate.begin()
    try:
        candidate.call(candidate.build("F") if "class F" in source else "f", *arguments)
    except AnswerError as error:
        return str(error)
    return ""


def test_the_students_own_line_is_named() -> None:
    told = sentence("def f(x):\n    return x.nope\n", torch.ones(2))
    assert "AttributeError" in told and "`return x.nope`" in told and "cell 3 of 02_modules" in told


def test_segkit_reached_through_dots_is_not_the_students(tmp_path) -> None:
    import segkit.checking.workbench as workbench

    assert not _is_students(workbench.__file__.replace("/segkit/", "/segformer/../segkit/"))
    assert _is_students(str(tmp_path / "helpers.py"))


def test_layers_in_a_plain_list_are_suspected() -> None:
    source = (
        "from torch import nn\n"
        "class F(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.layers = [nn.Linear(3, 3)]\n"
        "    def forward(self, x):\n        return self.layers[0](x)\n"
    )
    assert nn.Linear(3, 3).weight.dtype == torch.float32
    assert "nn.ModuleList and not in a plain list" in sentence(source, torch.ones(2, 3, dtype=torch.float64))


def test_a_report_says_the_same_sentence_once() -> None:
    report = Report("A task", [Outcome("one", "Not yet."), Outcome("two", None), Outcome("three", "Not yet.")], "End.")
    assert str(report).count("Not yet.") == 1 and "The same." in str(report)
    assert report._repr_html_().count("Not yet.") == 1
