"""The hidden tests of a task as functions, for whoever asks them without pytest."""

from collections.abc import Callable
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location

from autograder.paths import HIDDEN_TESTS


@cache
def hidden_tests(assignment: str, task: str) -> dict[str, Callable]:
    """The hidden tests of a task, by their names without `test_`; each takes a judge and what it draws from."""
    path = HIDDEN_TESTS / assignment / f"test_{task}.py"
    spec = spec_from_file_location(f"hidden_{assignment}_{task}", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name.removeprefix("test_"): test for name, test in vars(module).items() if name.startswith("test_")}
