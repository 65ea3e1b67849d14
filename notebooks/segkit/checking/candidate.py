"""The side of a test: asks a workbench to build and call what a student wrote, and gets tensors back."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch

from segkit.checking.values import MAX_ITEMS, Handle, Make, decode, encode
from segkit.checking.wire import MAX_DIMENSIONS, MAX_TENSORS

MAX_STATE = 10_000_000  # numbers in a module's parameters and buffers: every test's own module has far fewer
MAX_ENTRIES = 2000  # parameters and buffers of a module: the largest published SegFormer has about 1200
MAX_SENTENCE = 1000
FIRST = "first/"  # how the names of tensors begin that belong to what is done before a request
STOPPED_BY_ITSELF = ("memory", "disk", "forbidden access")  # what the side of the student may give as the reason
Tensors = dict[str, torch.Tensor]
Perform = Callable[[dict, Tensors], tuple[dict, Tensors]]


class AnswerError(Exception):
    """The student's code gave no answer; the message says why in one sentence.

    Args:
        kind: the type of what was raised, or what else went wrong.
        stopped: what ended the code before it could answer (`"time"`, `"memory"`, `"crash"`, ...), if something did.
        said: the sentence comes from the process of the student's code, which may say anything.
    """

    def __init__(self, sentence: str, kind: str = "raised", *, stopped: str | None = None, said: bool = False) -> None:
        super().__init__(sentence)
        self.kind, self.stopped, self.said = kind, stopped, said


@dataclass(frozen=True)
class StateEntry:
    """A parameter or buffer of a module.

    `layer`: the type of PyTorch's layer that it belongs to, such as `"Linear"`; empty for what a module made itself.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    dtype: str
    layer: str = ""


@dataclass(frozen=True)
class Answer:
    """What a call returned; the gradients only if a backward pass was asked for, the multiply-adds if a count was."""

    result: Any
    inputs_changed: list[bool]
    input_gradients: list[torch.Tensor | None]
    reached: list[str]
    multiply_adds: int = 0


class Candidate:
    """Code under test, wherever it runs.

    Args:
        perform: answers a request; `Workbench.perform` in this process, or the same far away over a pipe.
        assignment: whose doubles are meant, for example `"segformer"`.
    """

    def __init__(self, perform: Perform, assignment: str) -> None:
        self._perform, self.assignment = perform, assignment
        self.arrangement, self.arrangements = 0, 1  # see segkit.checking.arrangements.each_arrangement
        self.registered: int | None = None  # how many weights the module of this test holds
        self._ids = count()
        self._first: list[tuple[dict, Tensors]] = []  # what has to be done before the next request

    def begin(self, *, doubles: Iterable[str] = (), seed: int = 0) -> None:
        """Start anew: no objects, seeded generators, and `doubles` in the place of the names of earlier tasks.

        Takes place with the next question, which spares a way there and back.
        """
        self.registered = None
        self._first = [({"do": "begin", "doubles": list(doubles), "seed": seed, "assignment": self.assignment}, {})]

    def make(self, kind: str, **fields: Any) -> Handle:
        """Build an object beside the student's code: kinds and fields as `segkit.checking.objects.build_object`.

        Takes place with the next question, which also tells if it could not be built.
        """
        handle = Handle(str(next(self._ids)))
        tensors: Tensors = {}
        value = encode(Make(kind, **fields), tensors)
        self._first.append(({"do": "make", "id": handle.id, "value": value}, tensors))
        return handle

    def build(self, name: str, *args: Any, dtype: str = "float64", **kwargs: Any) -> Handle:
        """Build an object of the student's class `name`."""
        return self.make("student", name=name, args=args, kwargs=kwargs, dtype=dtype)

    def state(self, owner: Handle) -> list[StateEntry]:
        """The parameters and buffers of a module, in order of registration, shared ones once, empty ones not at all."""
        reply, _ = self._ask({"do": "state", "id": owner.id})
        try:
            entries = [_state_entry(entry) for entry in _list(reply["state"], MAX_ENTRIES)]
        except (KeyError, TypeError, ValueError, OverflowError):
            raise AnswerError("The module's parameters could not be listed.", "protocol") from None
        total = sum(math.prod(entry.shape) for entry in entries)
        if total > MAX_STATE:  # values for all of them are made on this side
            told = total if total < 10**18 else "far too many"  # Python writes no number of thousands of digits
            raise AnswerError(f"The module has {told} numbers in its parameters; {MAX_STATE} are more than enough.")
        return [entry for entry in entries if 0 not in entry.shape]

    def assign(self, owner: Handle, values: Tensors) -> None:
        """Set parameters and buffers by name. Takes place with the next question."""
        self._first.append(({"do": "assign", "id": owner.id}, values))

    def read(self, owner: Handle) -> tuple[Tensors, bool]:
        """The values of a module's parameters and buffers, and whether it is in training mode."""
        reply, values = self._ask({"do": "read", "id": owner.id})
        return values, bool(reply.get("training"))

    def load(self, owner: Handle, weights: Tensors) -> None:
        """Put the weights of a checkpoint into a module: exactly its names and shapes, or an error."""
        *first, last = _in_frames(weights)
        for part in first:
            self._ask({"do": "keep_weights", "id": owner.id}, part)
        self._ask({"do": "load_weights", "id": owner.id}, last)

    def multiply_adds(self, owner: Handle, size: tuple[int, int]) -> int:
        """The multiply-adds of a module for one image of (height, width): what its process counts, or claims."""
        reply, _ = self._ask({"do": "count", "id": owner.id, "size": list(size)})
        counted = reply.get("multiply_adds")
        if type(counted) is not int or not 0 <= counted < 2**53:
            raise AnswerError("The model's multiply-adds could not be counted.", "protocol")
        return counted

    def predict(self, owner: Handle, images: torch.Tensor) -> Any:
        """A module's answer to images (B, 3, H, W), in evaluation mode and without gradients."""
        reply, answers = self._ask({"do": "predict", "id": owner.id}, {"images": images})
        try:
            return decode(reply["result"], answers)
        except (KeyError, TypeError, ValueError):
            raise AnswerError("The answer could not be read.", "protocol") from None

    def call(
        self,
        target: Handle | str,
        *args: Any,
        train: bool | None = None,
        cotangents: Any = None,
        count_multiply_adds: bool = False,
        **kwargs: Any,
    ) -> Answer:
        """Call an object, or the student's function of that name.

        Args:
            train: put a module into training (True) or evaluation mode (False) first; None leaves its mode.
            cotangents: tensors shaped like the answer; backward runs from sum(answer * cotangents).
            count_multiply_adds: count those of the call.
        """
        tensors: Tensors = {}
        request = {
            "do": "call",
            "target": {"object": target.id} if isinstance(target, Handle) else {"name": target},
            "args": encode(args, tensors),
            "kwargs": encode(kwargs, tensors),
            "train": train,
            "cotangents": encode(cotangents, tensors),
            **({"count_multiply_adds": True} if count_multiply_adds else {}),
        }
        reply, answers = self._ask(request, tensors)
        try:
            return Answer(
                result=decode(reply["result"], answers),
                inputs_changed=[bool(changed) for changed in reply["inputs_changed"]],
                input_gradients=_list(decode(reply["input_gradients"], answers)) if cotangents is not None else [],
                reached=[_string(name) for name in _list(reply.get("reached", []), MAX_ENTRIES)],
                multiply_adds=_integer(reply["multiply_adds"]) if count_multiply_adds else 0,
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            raise AnswerError("The answer could not be read.", "protocol") from None

    def _ask(self, request: dict, tensors: Tensors | None = None) -> tuple[dict, Tensors]:
        tensors = dict(tensors or {})
        for number, (_, earlier) in enumerate(self._first):
            tensors |= {f"{FIRST}{number}/{key}": tensor for key, tensor in earlier.items()}
        request["first"], self._first = [earlier for earlier, _ in self._first], []
        reply, answers = self._perform(request, tensors)
        require_answer(reply)
        return reply, answers


def require_answer(reply: dict) -> None:
    """Check that a reply is no report of an error.

    Raises:
        AnswerError: what it reports, cut to a length that can be shown.
    """
    if "error" in reply:
        sentence, kind, stopped = (reply.get(key) for key in ("error", "kind", "stopped"))
        raise AnswerError(
            sentence[:MAX_SENTENCE] if isinstance(sentence, str) else "It failed without saying why.",
            kind[:80] if isinstance(kind, str) else "raised",
            stopped=stopped if stopped in STOPPED_BY_ITSELF else None,
            said=True,
        )


def _state_entry(entry: dict) -> StateEntry:
    shape = tuple(int(size) for size in entry["shape"])
    if len(shape) > MAX_DIMENSIONS or any(size < 0 for size in shape):
        raise ValueError(shape)
    return StateEntry(shape=shape, **{key: _string(entry[key]) for key in ("name", "kind", "dtype", "layer")})


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value))
    return value


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(type(value))
    return value


def _list(value: Any, longest: int = MAX_ITEMS) -> list:
    if not isinstance(value, list) or len(value) > longest:
        raise TypeError(type(value))
    return value


def _in_frames(weights: Tensors) -> list[Tensors]:
    """The same tensors in parts of which each fits into a frame, in their order; at least one part."""
    parts: list[Tensors] = [{}]
    room = MAX_TENSORS
    for name, tensor in weights.items():
        size = tensor.numel() * tensor.element_size()
        if size > room and parts[-1]:
            parts.append({})
            room = MAX_TENSORS
        parts[-1][name] = tensor
        room -= size
    return parts
