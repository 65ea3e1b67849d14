"""Where the numbers of a published stage go in a student's stage: tried until both compute one function.

The search uses random numbers in place of the published ones, large enough that each of them matters: among trained or
freshly initialised weights two ways may look alike. It goes part by part with the later ones switched off (a branch
whose last layer is 0 adds nothing), so it tries a few ways for each part and not all ways for all of them at once. What
is found is then verified with the published numbers.
"""

import copy
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn

from segkit.checking.candidate import StateEntry
from segkit.checking.inputs import Numbers
from segkit.checking.workbench import layer_type
from segkit.errors import CourseError
from segkit.pretrained.arranging import Arranging, Way
from segkit.pretrained.flow import meetings
from segkit.pretrained.function import stage_output
from segkit.pretrained.names import Stage
from segkit.pretrained.roles import UnknownStructure, roles
from segkit.pretrained.sizes import StageSizes

TOLERANCE = 1e-4  # of the standard deviation of the right output, as in grading
_EPS = (1e-5, 1e-6)  # those of the published models, of which a student's norms may have either


@dataclass(frozen=True)
class Placed:
    """The values of a student's stage, by the names of its parameters, and the way in which they were put there."""

    values: dict[str, Tensor]
    way: Way


def place(stage: nn.Module, published: Stage, sizes: StageSizes, hint: Way | None = None) -> Placed:
    """The values that make a student's stage compute what the published one does; the stage is left as it is.

    Args:
        stage: the student's.
        published: the tensors of the published stage.
        hint: a way to try first.

    Raises:
        CourseError: if none of the ways that are tried gives the right function, with the part that differs.
    """
    published = {name: tensor.double() for name, tensor in published.items()}
    trial = _Trial(stage, sizes)
    try:
        arranging = Arranging(roles(trial.state(), trial.meetings(), sizes), sizes)
    except UnknownStructure as reason:
        raise CourseError(
            f"The weights of stage {sizes.number} cannot be put into your {type(stage).__name__}: {reason}. Nothing "
            'was changed; see whether check("encoder_layer") and the checks before it pass.'
        ) from None
    way = _search(trial, arranging, sizes, hint)
    values = arranging.values(published, way)
    difference = trial.difference(values, trial.right_outputs(published, any_eps=True))
    if not difference <= TOLERANCE:
        raise CourseError(
            f"With the weights in it, stage {sizes.number} differs from the published one by {difference:.1g} standard "
            f"deviations of its output, where {TOLERANCE:g} are allowed, and is right with others: is the eps of your "
            "norms 1e-6 or 1e-5? Nothing was changed."
        )
    return Placed({name: value.float() for name, value in values.items()}, way)


def _search(trial: "_Trial", arranging: Arranging, sizes: StageSizes, hint: Way | None) -> Way:
    """The way in which the stage is right with random numbers, part by part."""
    numbers = _informative(sizes)
    way = arranging.first()
    steps = (
        ("patch merging, a residual connection or the final norm", arranging.of_patch_merging, ("project", "narrow")),
        ("Mix-FFN or the norm before it", arranging.of_mix_ffn, ("project",)),
        ("attention or the norm before it", arranging.of_attention, ()),
    )
    for part, ways, switched_off in steps:
        some = {
            name: torch.zeros_like(tensor) if name.split(".")[-2] in switched_off else tensor
            for name, tensor in numbers.items()
        }
        way = _first_right(trial, arranging, some, _hinted(ways(way), hint), f"the {part} of stage {sizes.number}")
    return way


def _first_right(trial: "_Trial", arranging: Arranging, numbers: Stage, ways: Iterable[Way], what: str) -> Way:
    tried, nearest, reason = 0, float("inf"), None
    right = trial.right_outputs(numbers, any_eps=False)  # beside these numbers it hardly counts
    for way in ways:
        try:
            difference = trial.difference(arranging.values(numbers, way), right)
        except UnknownStructure as impossible:
            reason = impossible
            continue
        if difference <= TOLERANCE:
            return way
        tried, nearest = tried + 1, min(nearest, difference)
    how = f"of {tried} ways the nearest differs by {nearest:.2g} standard deviations of the output"
    raise CourseError(
        f"{what[0].upper()}{what[1:]} computes another function than the published one, however the weights are put "
        f"into it ({how if tried else reason}): see whether its check passes, and whether the model has the published "
        "reduction_ratios and num_heads, the defaults. Nothing was changed."
    )


def _hinted(ways: Iterable[Way], hint: Way | None) -> list[Way]:
    """The ways, those that are most like the hint first."""

    def unlike(way: Way) -> int:
        return sum(value != getattr(hint, name) for name, value in vars(way).items()) if hint else 0

    return sorted(ways, key=unlike)


class _Trial:
    """A copy of a student's stage, in float64 and evaluation mode, and a map to try it on that is not square."""

    def __init__(self, stage: nn.Module, sizes: StageSizes) -> None:
        self.sizes, ratio = sizes, sizes.ratio
        height, width = 2 * ratio + 1, 3 * ratio + max(ratio - 1, 1)  # of the stage's map: no multiples of the ratio
        size = (sizes.stride * height, sizes.stride * width)
        self.features = Numbers(0).normal(1, sizes.in_channels, *size)
        self.module = self._readably(copy.deepcopy, stage)
        self.module = self._readably(self.module.to, "cpu", torch.float64).eval().requires_grad_()

    def state(self) -> list[StateEntry]:
        """The parameters, in order of registration."""
        return [
            StateEntry(name, tuple(parameter.shape), "parameter", "float64", layer_type(self._owner(name)))
            for name, parameter in self.module.named_parameters()
        ]

    def meetings(self) -> dict:
        """See `segkit.pretrained.flow.meetings`."""
        return self._readably(meetings, self.module, self.features)

    def right_outputs(self, tensors: Stage, *, any_eps: bool) -> list[Tensor]:
        """What the published stage makes of the map, with 1e-5 in all norms or with each eps that they may have."""
        pairs = product(_EPS, _EPS) if any_eps else [(_EPS[0], _EPS[0])]
        return [
            stage_output(tensors, self.sizes, self.features, eps=eps, eps_of_blocks=of_blocks)
            for eps, of_blocks in pairs
        ]

    def difference(self, values: dict[str, Tensor], right: list[Tensor]) -> float:
        """How far the stage with these values is from the nearest of the right outputs, in standard deviations."""
        with torch.no_grad():
            for name, parameter in self.module.named_parameters():
                if name in values:
                    parameter.copy_(values[name])
            output = self._readably(self.module, self.features)
        if not isinstance(output, Tensor) or output.shape != right[0].shape:
            found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise CourseError(
                f"Stage {self.sizes.number} makes {found} of a map of shape {tuple(self.features.shape)}, where "
                f"{tuple(right[0].shape)} is right: see whether its checks pass. Nothing was changed."
            )
        return min(float((output - one).abs().max() / one.std()) for one in right)

    def _readably(self, function, *arguments):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return function(*arguments)
        except Exception as error:  # a student's forward may raise anything
            raise CourseError(
                f"Stage {self.sizes.number} of your model fails on a map of shape {tuple(self.features.shape)} "
                f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}), so no "
                "weights were put into it: complete its tasks first."
            ) from error

    def _owner(self, name: str) -> nn.Module:
        return self.module.get_submodule(name.rpartition(".")[0])


def _informative(sizes: StageSizes) -> Stage:
    """Random numbers for a stage: matrices that keep the scale of what they map, vectors far from 0."""
    numbers = Numbers(sizes.number)
    tensors = {}
    for name, shape in sizes.shapes().items():
        values = numbers.normal(*shape)
        vector = values.sign() * (0.5 + values.abs().clamp(max=1))
        tensors[name] = vector if len(shape) == 1 else values / values[0].numel() ** 0.5
    return tensors
