"""The process in which a submission's code runs: `python -m segkit.checking.worker`.

It greets, reads requests from its standard input and writes answers to what was its standard output; the student's own
prints go nowhere. The first request carries the notebooks' cells. It knows no test and no right answer.
"""

import os
import sys
from typing import BinaryIO

import torch

from segkit import student
from segkit.checking.explain_error import describe_error
from segkit.checking.wire import MAX_REPLY_JSON, WireError, pack, unpack
from segkit.checking.workbench import Workbench
from segkit.student import Cell


def main() -> int:
    requests, answers = _take_pipes()
    _send(answers, {"ready": True}, {}, 0)  # from here on it is the student's code that ends this process
    workbench = None
    while True:
        try:
            request, tensors, number = unpack(lambda count: _read_exactly(requests, count))
        except EOFError:
            return 0
        try:
            if request["do"] == "load":
                workbench, problems = _load(request)
                reply, found = {"problems": problems}, {}
            else:
                reply, found = workbench.perform(request, tensors)
            _send(answers, reply, found, number)
        except BaseException as error:  # a student's code may raise anything, KeyboardInterrupt included
            _send(answers, describe_error(error), {}, number)


def _send(answers: BinaryIO, reply: dict, tensors: dict, number: int) -> None:
    try:
        frame = pack(reply, tensors, number, max_json=MAX_REPLY_JSON)
    except (WireError, ValueError) as error:
        frame = pack({"error": f"Your answer could not be sent: {error}.", "kind": "answer"}, {}, number)
    answers.write(frame)
    answers.flush()


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the two pipes for ourselves, so that the student's code finds an empty input and a silent output."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    return requests, answers


def _load(request: dict) -> tuple[Workbench, list[str]]:
    sources = {
        name: [Cell(int(cell["number"]), cell["source"]) for cell in cells]
        for name, cells in request["notebooks"].items()
    }
    student.provide_sources(sources)
    loaded = student.load_cells(request["main"], sources.get(request["main"], []))
    torch.backends.cudnn.allow_tf32 = False  # a GPU's convolutions round to 11 bits, too few for tests in float32
    return Workbench(loaded.module, request["device"]), loaded.problems[:20]


def _read_exactly(pipe: BinaryIO, count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data


if __name__ == "__main__":
    sys.exit(main())
