"""What a student's code raised is told with a line of theirs, never with one of ours."""

import errno
import socket

import pytest
import torch
from torch import nn

from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.explain_error import MAX_MESSAGE, _is_students, describe_error
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


def answer_error(source: str) -> AnswerError:
    """What a call of `f` in that source ends with."""
    candidate = Candidate(Workbench(load_cells("02_modules", [Cell(3, source)]).module).perform, "segformer")
    candidate.begin()
    with pytest.raises(AnswerError) as error:
        candidate.call("f")
    return error.value


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


@pytest.mark.parametrize(
    ("error", "stopped"),
    [
        (MemoryError(), "memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"), "memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"), "memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk"),
        (OSError(errno.EFBIG, "File too large"), "disk"),
        (PermissionError(errno.EPERM, "Operation not permitted"), "forbidden access"),
        (PermissionError(errno.EACCES, "Permission denied"), "forbidden access"),
        (OSError(errno.EROFS, "Read-only file system"), "forbidden access"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "forbidden access"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "forbidden access"),
        (socket.gaierror(-3, "Temporary failure in name resolution"), "forbidden access"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), None),
        (OSError(errno.EMFILE, "Too many open files"), None),
        (OSError("no number"), None),
        (ValueError("out of memory"), None),
        (RuntimeError("shapes do not fit"), None),
        (KeyboardInterrupt(), None),
    ],
    ids=repr,
)
def test_what_stopped_the_code_is_told_from_what_it_did_wrong(error, stopped) -> None:
    reply = describe_error(error)
    assert reply.get("stopped") == stopped
    assert reply["kind"] == type(error).__name__
    assert type(error).__name__ in reply["error"]


@pytest.mark.parametrize(
    ("source", "kind", "stopped"),
    [
        ("def f():\n    return bytearray(2**62)", "MemoryError", "memory"),
        ("def f():\n    open('/dev/full', 'w').write('x' * 10**6)", "OSError", "disk"),
        ("import os\ndef f():\n    os.mkdir('/proc/nothing')", "FileNotFoundError", None),
        ("def f():\n    raise SystemExit(3)", "SystemExit", None),
    ],
    ids=["memory", "disk", "no file", "exit"],
)
def test_what_stopped_the_code_reaches_the_side_of_the_test_as_said_by_the_code(source, kind, stopped) -> None:
    error = answer_error(source)
    assert (error.kind, error.stopped, error.said) == (kind, stopped, True)


def test_an_exception_whose_text_cannot_be_had_or_is_endless_is_told_by_its_type() -> None:
    source = "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\ndef f():\n    raise Odd"
    assert str(answer_error(source)).startswith("Your code raised Odd (in f, cell 3 of 02_modules")
    told = str(answer_error("def f():\n    raise ValueError('word ' * 10_000)"))
    assert told.count("word") <= MAX_MESSAGE // 5 + 2
