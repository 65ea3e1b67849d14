"""Writing what is handed in, and trying it at once: what cannot be evaluated is noticed here, not by the grader."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from segkit.devices import device_of
from segkit.errors import CourseError
from segkit.evaluation.checkpoint import CHECKPOINT, MAX_BYTES, learned_numbers, read_checkpoint, too_large
from segkit.evaluation.counting import multiply_adds
from segkit.evaluation.settings import SETTINGS, ResultsSettings, checked_settings
from segkit.files import whole_file

SAME = {False: 1e-4, True: 0.1}  # of the logits' std: half precision rounds every weight to three digits


def save_results(
    model: nn.Module, folder, *, image_size, arguments: dict, name: str | None = None, half: bool = False
) -> None:
    """Write `model.safetensors` and `settings.json`, the trained model as it is handed in beside the notebooks.

    Args:
        model: the trained model, an object of your `SegFormer`.
        folder: where to write; hand it in with the notebooks.
        image_size: (height, width) of the images that the model was trained on.
        arguments: keyword arguments that `SegFormer` was built with.
        name: what the leaderboard calls you; None: you stay anonymous.
        half: store 16 bits a weight, for a model that is otherwise larger than may be handed in.

    Raises:
        CourseError: if what was written would not be evaluated, or gives other logits than `model`. The files of an
            earlier call are then as they were.
    """
    settings = checked_settings(arguments, image_size, name)
    weights = {key: stored(value, half) for key, value in model.state_dict().items()}
    data = save(weights)
    if len(data) > MAX_BYTES:
        raise CourseError(too_large(len(data)))
    images = torch.rand(2, 3, *settings.image_size, generator=torch.Generator().manual_seed(0)) * 4 - 2
    fresh = rebuild(type(model), settings, read_checkpoint(data))
    require_same(model, fresh, images, half)
    folder = Path(folder)
    text = json.dumps(vars(settings), indent=1, ensure_ascii=False) + "\n"
    _write(folder, {CHECKPOINT: data, SETTINGS: text.encode()})
    print(_what_is_handed_in(folder, settings, weights, len(data), multiply_adds(fresh, images[:1])))


def rebuild(model_class, settings: ResultsSettings, weights: dict[str, Tensor]) -> nn.Module:
    """A model of that class as the settings build it, with these weights, in evaluation mode, on the CPU.

    Raises:
        CourseError: if it cannot be built, or the weights are another model's.
    """
    try:
        model = model_class(**settings.arguments)
    except Exception as error:  # a student's constructor may raise anything
        raise CourseError(
            f"{model_class.__name__} cannot be built with the arguments {settings.arguments} "
            f"({type(error).__name__}: {error}): give save_results the ones it was built with."
        ) from error
    load_weights(model, weights)
    return model.eval()


def load_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put all weights of a checkpoint into a model that has exactly these.

    Raises:
        CourseError: if names or shapes differ.
    """
    own = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    saved = {name: tuple(value.shape) for name, value in weights.items()}
    differing = sorted(name for name in own.keys() | saved.keys() if own.get(name) != saved.get(name))
    if differing:
        raise CourseError(
            f"{CHECKPOINT} belongs to another model than {type(model).__name__} with the arguments given: "
            f"{len(differing)} tensors differ in name or shape, for example {differing[0]}."
        )
    model.load_state_dict(weights)


def stored(value: Tensor, half: bool) -> Tensor:
    """A copy to be written, in 16 bits a number or as it is: safetensors refuses tensors that share memory."""
    plain = value.detach().cpu().clone(memory_format=torch.contiguous_format)
    return plain.half() if half and plain.is_floating_point() else plain


@contextmanager
def evaluated_on_cpu(model: nn.Module) -> Iterator[None]:
    """Meanwhile the model is on the CPU and in evaluation mode; then it goes back to its device and its mode.

    A GPU rounds what a convolution multiplies to 11 bits (TF32): its logits are further off than `SAME` allows.
    """
    device, was_training = device_of(model), model.training
    try:
        model.cpu().eval()
        yield
    finally:
        model.to(device).train(was_training)


def require_same(model: nn.Module, fresh: nn.Module, images: Tensor, half: bool) -> None:
    """Compare a trained model with one that was built anew from what is handed in, which is on the CPU.

    Args:
        images: (B, 3, H, W), to ask both with.
        half: whether weights were stored in 16 bits.

    Raises:
        CourseError: if they give other logits, or any are not finite.
    """
    with torch.no_grad(), evaluated_on_cpu(model):
        before, after = model(images).float(), fresh(images)
    if not torch.isfinite(before).all():
        raise CourseError("The model's logits hold NaN or infinity: its training failed, and nothing was written.")
    if before.shape != after.shape or (before - after).abs().max() > SAME[half] * before.std():
        raise CourseError(
            "Built anew from the file, the model gives other logits: something that it needs is neither among its "
            "parameters and buffers nor in `arguments`. Nothing was written."
        )


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Each file whole or not at all."""
    try:
        for name, data in files.items():
            with whole_file(folder / name) as part:
                part.write_bytes(data)
    except OSError as error:
        raise CourseError(f"{folder} cannot be written to ({error.strerror}).") from None


def _what_is_handed_in(folder: Path, settings: ResultsSettings, weights: dict, size: int, operations: int) -> str:
    height, width = settings.image_size
    called = f'"{settings.name}"' if settings.name else "a made-up name: you stay anonymous"
    return (
        f"{folder / CHECKPOINT}: {len(weights)} tensors, {learned_numbers(weights):,} parameters, "
        f"{size / 2**20:.1f} of {MAX_BYTES // 2**20} MiB; a fresh model of yours gives the same logits.\n"
        f"It will be asked with images of {height} x {width}: {operations / 1e9:.2f} billion multiply-adds each.\n"
        f"On the leaderboard it stands under {called}.\n"
        f"Hand in the folder {folder} with your notebooks: submit(student=..., checkpoint=True) takes `results` along."
    )
