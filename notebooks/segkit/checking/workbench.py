"""Where a student's code is asked: builds objects, sets parameters and calls functions, as a request says.

The notebook's own `check` runs a workbench in the kernel; the grader runs one in a separate process and talks to it
over a pipe. Both send the same requests, so a test does not know which one it has.
"""

import contextlib
import operator
import random
from collections.abc import Callable, Iterator
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

import numpy
import torch
from torch import nn

from segkit import student
from segkit.checking.candidate import FIRST
from segkit.checking.explain_error import describe_error
from segkit.checking.multiply_adds import multiply_add_counter
from segkit.checking.objects import build_object, find_name
from segkit.checking.values import decode, encode
from segkit.errors import CourseError
from segkit.evaluation.counting import multiply_adds
from segkit.evaluation.saving import load_weights

Tensors = dict[str, torch.Tensor]
_ABSENT = object()


class Workbench:
    """Answers requests about one notebook's namespace.

    Args:
        module: the notebook's names, as a module or as anything with a `__dict__`.
        device: where objects and tensors are put.
    """

    def __init__(self, module: ModuleType, device: str = "cpu") -> None:
        self.module, self.device = module, torch.device(device)
        self.objects: dict[str, Any] = {}
        self._kept_weights: dict[str, Tensors] = {}
        self._replaced: list[tuple[dict, str, Any]] = []
        self._inherited: list[tuple[type, tuple[type, ...]]] = []

    def perform(self, request: dict, tensors: Tensors) -> tuple[dict, Tensors]:
        """Answer one request. What the student's code raises comes back as `{"error": sentence}`.

        A request may carry others, `first`, which are done before it and have no answers of their own.
        """
        try:
            tensors = {key: tensor.to(self.device) for key, tensor in tensors.items()}
            for number, earlier in enumerate(request.get("first", [])):
                self._action(earlier)(earlier, _taken(tensors, f"{FIRST}{number}/"))
            return self._action(request)(request, tensors)
        except (Exception, SystemExit) as error:  # anything a student's code may raise
            return describe_error(error), {}

    def _action(self, request: dict) -> Callable[[dict, Tensors], tuple[dict, Tensors]]:
        return getattr(self, f"_do_{request['do']}")

    def restore(self) -> None:
        """Give the notebook back the names that doubles stood in for."""
        while self._inherited:
            child, parents = self._inherited.pop()
            child.__bases__ = parents
        while self._replaced:
            names, name, original = self._replaced.pop()
            if original is _ABSENT:
                del names[name]
            else:
                names[name] = original

    def _replace(self, names: dict, name: str, double: Any) -> None:
        self._replaced.append((names, name, names.get(name, _ABSENT)))
        names[name] = double

    def _do_begin(self, request: dict, tensors: Tensors) -> tuple[dict, Tensors]:
        """Start a test: forget objects, seed every generator, put doubles in the place of earlier tasks."""
        self.restore()
        self.objects.clear()
        self._kept_weights.clear()
        seed = request["seed"]
        random.seed(seed)
        numpy.random.seed(seed)
        # For the CPU `torch.manual_seed` does the same, and notes for GPUs from where it was called: that takes longer.
        torch.default_generator.manual_seed(seed) if self.device.type == "cpu" else torch.manual_seed(seed)
        torch.set_grad_enabled(True)  # an answer that switched gradients off for good must not spoil the next one
        if request["doubles"]:
            doubles = import_module(f"segkit.tasks.{request['assignment']}.doubles").DOUBLES
            for name in request["doubles"]:
                self._install(name, doubles[name])
        return {}, {}

    def _install(self, name: str, double: Any) -> None:
        """Put a double in the place of whatever is called `name`, under any other name, and as a parent, as well."""
        spaces = [vars(self.module), *map(vars, student.loaded_modules())]
        originals = [names[name] for names in spaces if isinstance(names.get(name), (type, FunctionType))]
        self._replace(spaces[0], name, double)
        for names in spaces:
            for other, value in list(names.items()):
                if other == name or any(value is original for original in originals):
                    self._replace(names, other, double)
                elif isinstance(value, type) and isinstance(double, type):
                    self._replace_parents(value, originals, double)

    def _replace_parents(self, child: type, originals: list, double: type) -> None:
        parents = tuple(double if parent in originals else parent for parent in child.__bases__)
        if parents != child.__bases__:
            self._inherited.append((child, child.__bases__))
            child.__bases__ = parents

    def _do_make(self, request: dict, tensors: Tensors) -> tuple[dict, Tensors]:
        built = self.objects[request["id"]] = self._decode(request["value"], tensors)
        return {"type": type(built).__name__, "is_module": isinstance(built, nn.Module)}, {}

    def _do_state(self, request: dict, tensors: Tensors) -> tuple[dict, Tensors]:
        owner = self._object(request["id"])
        _require_parameters(owner)
        entries = [
            {
                "name": name,
                "shape": list(tensor.shape),
                "kind": kind,
                "dtype": str(tensor.dtype).split(".")[-1],
                "layer": layer_type(owner.get_submodule(name.rpartition(".")[0])),
            }
            for name, kind, tensor in _named_state(owner)
        ]
        return {"state": entries}, {}

    def _do_assign(self, request: dict, tensors: Tensors) -> tuple[dict, Tensors]:
        state = {name: tensor for name, _, tensor in _named_state(self._object(request["id"]))}
        with torch.no_grad():
            for name, value in tensors.items():
                state[name].copy_(value)
        return {}, {}

    def _do_read(self, request: dict, tensors: Tensors) -> tuple[dict, Tensors]:
        """The values of an object's parameters and buffers, or whether it is in training mode."""
        owner = self._object(request["id"])
        values = {name: tensor.detach().cpu().clone() for name, _, tensor in _named_state(owner)}
        return {"training": owner.training}, values

    def _do_load_weights(self, request: dict, tensors: Tensors) -> tuple[dict, Tensors]:
        """Put the weights of a checkpoint into a module that has exactly these: the parts before, and the last one."""
        load_weights(self._object(request["id"]), self._kept_weights.pop(request["id"], {}) | tensors)
        return {}, {}

    def _do_keep_weights(self, request: dict, tensors: Tensors) -> tuple[dict, Tensors]:
        """A part of the weights of a checkpoint that is larger than a frame may be."""
        self._kept_weights.setdefault(request["id"], {}).update(tensors)
        return {}, {}

    def _do_count(self, request: dict, tensors: Tensors) -> tuple[dict, Tensors]:
        """The multiply-adds of a module for an image of that size."""
        image = torch.zeros(1, 3, *request["size"], device=self.device)
        return {"multiply_adds": multiply_adds(self._object(request["id"]), image)}, {}

    def _do_predict(self, request: dict, tensors: Tensors) -> tuple[dict, Tensors]:
        """A module's answer to a batch of images, in evaluation mode and without gradients."""
        model = self._object(request["id"])
        model.eval()
        with torch.inference_mode():
            answers: Tensors = {}
            return {"result": encode(model(tensors["images"]), answers)}, answers

    def _do_call(self, request: dict, tensors: Tensors) -> tuple[dict, Tensors]:
        """Call an object or a function of the notebook; with cotangents, also run backward from its answer.

        With `count_multiply_adds`, the multiply-adds of the call are counted.
        """
        args, kwargs = self._decode(request["args"], tensors), self._decode(request["kwargs"], tensors)
        target = self._target(request["target"])
        if isinstance(target, nn.Module) and request["train"] is not None:
            target.train(request["train"])
        inputs = list(_tensors_in([*args, *kwargs.values()]))
        before = [tensor.clone() for tensor in inputs]
        backward = request["cotangents"] is not None
        for tensor in inputs:
            if backward and tensor.is_floating_point():
                tensor.requires_grad_(True)
        counter = multiply_add_counter() if request.get("count_multiply_adds") else contextlib.nullcontext()
        with counter:
            answer = target(*args, **kwargs)
        after = list(_tensors_in([*args, *kwargs.values()]))
        same_list = len(after) == len(inputs) and all(map(operator.is_, after, inputs))
        changed = [not (same_list and torch.equal(tensor, copy)) for tensor, copy in zip(inputs, before, strict=True)]
        answers: Tensors = {}
        reply = {"result": encode(answer, answers), "inputs_changed": changed}
        if request.get("count_multiply_adds"):
            reply["multiply_adds"] = counter.get_total_flops() // 2
        if backward:
            cotangents = self._decode(request["cotangents"], tensors)
            reply |= _backward(answer, cotangents, inputs, target, answers)
        return reply, answers

    def _decode(self, tree: Any, tensors: Tensors) -> Any:
        return decode(tree, tensors, self._build)

    def _build(self, kind: str, fields: dict) -> Any:
        if kind == "object":
            return self._object(fields["id"])
        return build_object(kind, fields, self.module, self.device)

    def _object(self, id: str) -> Any:
        return self.objects[id]

    def _target(self, target: dict) -> Any:
        return self._object(target["object"]) if "object" in target else find_name(self.module, target["name"])


def _taken(tensors: Tensors, beginning: str) -> Tensors:
    """Take those out whose names begin so."""
    return {key.removeprefix(beginning): tensors.pop(key) for key in list(tensors) if key.startswith(beginning)}


def _require_parameters(module: Any) -> None:
    """Check that an object is a module whose parameters can be given values.

    Raises:
        CourseError: with what keeps it from being set up.
    """
    if not isinstance(module, nn.Module):
        raise CourseError(f"{type(module).__name__} is no nn.Module: which class does it inherit from?")
    lazy = [name for name, tensor in module.named_parameters() if nn.parameter.is_lazy(tensor)]
    if lazy:
        raise CourseError(f"The parameter {lazy[0]} has no size before the first call: give its layer all sizes.")
    strange = [name for name, tensor in module.named_parameters() if not tensor.is_floating_point()]
    if strange:
        raise CourseError(f"The parameter {strange[0]} does not hold floating-point numbers.")


def _named_state(module: nn.Module) -> Iterator[tuple[str, str, torch.Tensor]]:
    """Name, kind and tensor of each parameter and each floating-point buffer; shared parameters come once."""
    for name, parameter in module.named_parameters():
        yield name, "parameter", parameter
    for name, buffer in module.named_buffers():
        if buffer.is_floating_point():
            yield name, "buffer", buffer


def layer_type(owner: nn.Module) -> str:
    """Which of PyTorch's layers a module is, perhaps as a subclass; empty if it is none."""
    for kind in type(owner).__mro__:
        if kind is not nn.Module and kind.__module__.startswith("torch.nn.modules."):
            return "" if kind.__module__.endswith(".container") else kind.__name__
    return ""


def _tensors_in(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors_in(item)


def _backward(answer: Any, cotangents: Any, inputs: list, target: Any, answers: Tensors) -> dict:
    """Gradients of sum(answer * cotangents) by the inputs, and the names of the parameters that got one."""
    outputs = list(_tensors_in(answer))
    if not any(output.requires_grad for output in outputs):
        raise CourseError("No gradient flows back from the answer: it is no tensor that was computed from the input.")
    weights = list(_tensors_in(cotangents))
    if [output.shape for output in outputs] != [weight.shape for weight in weights]:
        shapes = [" and ".join(str(tuple(tensor.shape)) for tensor in tensors) for tensors in (outputs, weights)]
        raise CourseError(f"The answer has shape {shapes[0]}; {shapes[1]} was expected.")
    total = sum((output * weight).sum() for output, weight in zip(outputs, weights, strict=True))
    parameters = dict(target.named_parameters()) if isinstance(target, nn.Module) else {}
    wanted = [tensor for tensor in inputs if tensor.requires_grad]
    gradients = torch.autograd.grad(total, [*wanted, *parameters.values()], allow_unused=True)
    by_input, by_parameter = gradients[: len(wanted)], gradients[len(wanted) :]
    reached = [name for name, gradient in zip(parameters, by_parameter, strict=True) if gradient is not None]
    return {"input_gradients": encode(list(by_input), answers), "reached": reached}
