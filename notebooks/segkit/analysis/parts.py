"""Finding the parts of a student's model, and looking at it without leaving a trace."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from segkit.errors import CourseError


def parts_named(model: nn.Module, name: str) -> list[nn.Module]:
    """All parts of `model` whose class, or a class that it extends, is called `name`; in the order of registration.

    Raises:
        CourseError: if there is none.
    """
    parts = [part for part in model.modules() if any(cls.__name__ == name for cls in type(part).__mro__)]
    if not parts:
        raise CourseError(f"There is no {name} in {type(model).__name__}: give the model that you built of your parts.")
    return parts


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, and afterwards the mode in which each part of the model was."""
    modes = {part: part.training for part in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


@contextmanager
def recording(parts: list[nn.Module]) -> Iterator[list[tuple[nn.Module, Tensor, Tensor]]]:
    """Fills a list with (part, its first input, its output) for each call of one of the `parts`, in order."""
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []
    hooks = [
        part.register_forward_hook(lambda part, inputs, output: calls.append((part, inputs[0], output)))
        for part in parts
    ]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()
