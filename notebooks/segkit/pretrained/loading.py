"""Published weights into a student's model: all of the encoder, or nothing."""

from contextlib import nullcontext

import torch
from torch import nn

from segkit.errors import CourseError
from segkit.pretrained.files import read_tensors
from segkit.pretrained.finding import Source, find_weights
from segkit.pretrained.names import Encoder, read_encoder
from segkit.pretrained.placing import place
from segkit.progress import open_bar

_STAGE = "MixTransformerEncoderLayer"
_ALIKE = 0.03  # two stages of one size may differ by some biases
_told: set[str] = set()


def load_pretrained(model: nn.Module, source="nvidia/mit-b0", *, progress: bool = True) -> nn.Module:
    """Put published weights into the encoder of your SegFormer, whatever its layers are called.

    The weights of NVIDIA's SegFormer are under the NVIDIA Source Code License for SegFormer: for research and
    evaluation only, not for commercial use, and the same holds for a model that you train from them.
    Their images are RGB, normalised with the mean and standard deviation of ImageNet, as in this course.

    Each of the four stages is held against the published function in float64, on a map that is not square, with the
    weights in it. If one of them computes something else, nothing is changed. The decoder is left as it is: train it
    with a higher learning rate than the encoder (`head_learning_rate_factor` of `segkit.training.fit`).

    Args:
        model: a SegFormer of the size of the weights: `SegFormer(**sizes("b0"))` for "nvidia/mit-b0". Its stages are
            the modules whose class is, or inherits from, MixTransformerEncoderLayer. Changed in place.
        source: the name of a repository of the Hugging Face hub, "nvidia/mit-b0" to "nvidia/mit-b5" (trained on
            ImageNet) or for example "nvidia/segformer-b0-finetuned-ade-512-512" (its decoder is left out); or the path
            of a file (.safetensors, .bin, .pth) or of a folder that holds one, with the names of transformers or of
            the original repository.
        progress: show a bar; the larger the encoder, the longer it takes.

    Returns:
        The model.

    Raises:
        CourseError: if the weights cannot be had, are not those of a MiT encoder, or are of another size than the
            model, or if a stage of the model computes another function than the published one.
    """
    found = find_weights(source)
    encoder = read_encoder(read_tensors(found.path), found.name)
    stages = _stages_by_number(model, encoder, found.name)
    values = _fitted(stages, encoder, progress)
    for stage, numbers in zip(stages, values, strict=True):
        _assign(stage, numbers)
    _tell_licence(found)
    return model


def _fitted(stages: list[nn.Module], encoder: Encoder, progress: bool) -> list[dict[str, torch.Tensor]]:
    """The values of every stage's parameters; nothing is changed yet."""
    values, way = [], None
    with open_bar(len(stages), unit="stage", description="fitting weights") if progress else nullcontext() as bar:
        for stage, published, sizes in zip(stages, encoder.stages, encoder.sizes, strict=True):
            placed = place(stage, published, sizes, way)
            values.append(placed.values)
            way = placed.way
            if bar is not None:
                bar.update()
    return values


def _stages_by_number(model: nn.Module, encoder: Encoder, source: str) -> list[nn.Module]:
    """The stages of the model in the order of the published ones, which they are matched with by size."""
    stages = [part for part in model.modules() if any(kind.__name__ == _STAGE for kind in type(part).__mro__)]
    if len(stages) != len(encoder.stages):
        raise CourseError(
            f"{type(model).__name__} has {len(stages)} encoder stages (modules of the class {_STAGE}) where {source} "
            f"has {len(encoder.stages)}: give load_pretrained your SegFormer of notebook 3."
        )
    counts = [sum(parameter.numel() for parameter in stage.parameters()) for stage in stages]
    wanted = [sum(tensor.numel() for tensor in stage.values()) for stage in encoder.stages]
    ordered: list = [None] * len(stages)
    by_size = (sorted(range(len(stages)), key=numbers.__getitem__) for numbers in (counts, wanted))
    for mine, theirs in zip(*by_size, strict=True):  # the stages may be registered in any order
        if abs(counts[mine] - wanted[theirs]) > _ALIKE * wanted[theirs]:
            raise CourseError(
                f"Your model has another size than {source}: its stages hold {_listed(counts)} numbers and not "
                f"{_listed(wanted)}. Build it with {encoder.arguments}; if it is, see whether the checks of its parts "
                "pass. Nothing was changed."
            )
        ordered[theirs] = stages[mine]
    return ordered


def _listed(numbers: list[int]) -> str:
    return ", ".join(f"{number:,}" for number in numbers[:-1]) + f" and {numbers[-1]:,}"


def _assign(stage: nn.Module, values: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in stage.named_parameters():
            if name in values:
                parameter.copy_(values[name])


def _tell_licence(found: Source) -> None:
    """Once for each source."""
    if found.name not in _told:
        _told.add(found.name)
        print(
            f"Weights from {found.address}. Published SegFormer weights are under the NVIDIA Source Code License for "
            "SegFormer: not for commercial use, nor is what is trained from them."
        )
