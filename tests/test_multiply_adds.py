"""Multiply-adds are counted whatever a call is written with, and asked for from the process of the code."""

import pytest
import torch
from torch.nn import functional as F

from segkit.checking.candidate import Candidate
from segkit.checking.multiply_adds import multiply_add_counter
from segkit.checking.workbench import Workbench

WAYS = {
    "convolution": lambda x, w: F.conv2d(x, w[:, :, None, None]),
    "linear layer": lambda x, w: F.linear(x.movedim(1, -1), w),
    "matrix product": lambda x, w: x.movedim(1, -1) @ w.T,
    "einsum": lambda x, w: torch.einsum("bchw,ec->behw", x, w),
    "product and sum": lambda x, w: (x[:, None] * w[None, :, :, None, None]).sum(dim=2),
    "products in place": lambda x, w: sum(x[:, None, c].repeat(1, 7, 1, 1).mul_(w[:, c, None, None]) for c in range(3)),
}


@pytest.mark.parametrize("way", WAYS)
def test_all_ways_to_write_a_linear_map_count_alike(way: str) -> None:
    x, w = torch.randn(2, 3, 4, 5), torch.randn(7, 3)
    with multiply_add_counter() as counter:
        WAYS[way](x, w)
    assert counter.get_total_flops() // 2 == 2 * 4 * 5 * 3 * 7


def test_a_candidate_counts_a_call_if_asked_and_passes_on_arguments_of_any_name() -> None:
    class Notebook:
        @staticmethod
        def scaled(x, count=1):
            return count * F.linear(x, torch.ones(3, 2))

    candidate = Candidate(Workbench(Notebook()).perform, "segformer")
    answer = candidate.call("scaled", torch.ones(4, 2), count=5, count_multiply_adds=True)
    assert answer.result.eq(10).all() and answer.multiply_adds == 4 * 2 * 3 + 4 * 3
    assert candidate.call("scaled", torch.ones(4, 2)).multiply_adds == 0
