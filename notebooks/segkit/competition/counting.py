"""What a model costs: parameters, multiply-adds by two counters, and seconds for an image."""

import statistics
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from segkit.errors import CourseError

# What both counters know: products of matrices, however they are written, and convolutions.
_PRODUCTS = frozenset({"conv", "linear", "matmul", "mm", "bmm", "addmm", "einsum", "attention"})


class FvcoreCount(NamedTuple):
    """Multiply-adds of products and convolutions, which torch counts as well, and what fvcore counts beside them."""

    products: int
    others: int


def count_by_torch(model: nn.Module, size: tuple[int, int]) -> int:
    """Multiply-adds of one image (1, 3, *size) in evaluation mode, by torch's counter.

    It says two floating-point operations for a multiply-add. A model on the device "meta" is counted without computing.
    """
    # Fused attention on a CPU is not in torch's table, and would count as nothing; this way it is two products.
    with _evaluated(model, size) as image, sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(image)
    return counter.get_total_flops() // 2


def count_by_fvcore(model: nn.Module, size: tuple[int, int]) -> FvcoreCount:
    """Multiply-adds of one image (1, 3, *size) in evaluation mode, by fvcore, which calls them flops.

    Others: norms (1 or 5 a number), bilinear upsampling (4), adaptive pooling (1), at fvcore's own rates.

    Raises:
        CourseError: if fvcore is not installed.
    """
    try:
        from fvcore.nn import FlopCountAnalysis
    except ImportError as error:
        raise CourseError(
            "fvcore is not installed, which counts multiply-adds beside torch: run "
            "`pip install -r requirements-competition.txt` in the folder of the notebooks."
        ) from error
    with _evaluated(model, size) as image, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated, and fvcore needs it
        analysis = FlopCountAnalysis(model, image)
        analysis.set_op_handle("aten::scaled_dot_product_attention", _attention)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
        by_operator = {name: int(count) for name, count in analysis.by_operator().items()}
    products = sum(count for name, count in by_operator.items() if name in _PRODUCTS)
    return FvcoreCount(products, sum(by_operator.values()) - products)


def count_parameters(model: nn.Module) -> int:
    """The number of a model's parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


class Seconds(NamedTuple):
    """Medians for one image: by the clock, and of processor time, all threads together.

    Processor time says on a busy CPU what the clock cannot; on a GPU it is only what the CPU does beside it.
    """

    clock: float
    processor: float


def seconds_per_image(model: nn.Module, size: tuple[int, int], rounds: int = 3) -> Seconds:
    """Seconds that one image (1, 3, *size) takes in evaluation mode where the model is; a first round is not timed."""
    device = next(model.parameters()).device
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0)).to(device)
    taken: list[Seconds] = []
    model.eval()
    with torch.inference_mode():
        for _ in range(rounds + 1):
            _wait_for(device)
            begun, used = time.perf_counter(), time.process_time()
            model(image)
            _wait_for(device)
            taken.append(Seconds(time.perf_counter() - begun, time.process_time() - used))
    return Seconds(*map(statistics.median, zip(*taken[1:], strict=True)))


@contextmanager
def _evaluated(model: nn.Module, size: tuple[int, int]) -> Iterator[Tensor]:
    """An image where the model is, which is in evaluation mode and without gradients meanwhile."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield torch.zeros(1, 3, *size, device=next(model.parameters()).device)
    finally:
        model.train(was_training)


def _attention(inputs, outputs) -> Counter[str]:
    """Queries (..., N, d), keys (..., M, d), values (..., M, e): N M d for the scores, N M e for the mixing."""
    query, key, value = (one.type().sizes() for one in inputs[:3])
    return Counter(attention=prod(query[:-1]) * key[-2] * (query[-1] + value[-1]))


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
