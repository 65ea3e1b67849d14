"""What a model costs: multiply-adds of one forward pass."""

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel


def multiply_adds(model: nn.Module, images: Tensor) -> int:
    """Multiply-adds of one forward pass in evaluation mode, of convolutions and matrix products.

    As PyTorch's own counter counts (two operations each), with attention by plain matrix products: fused kernels are
    not counted on every device.
    """
    from torch.utils.flop_counter import FlopCounterMode  # imports triton: most of a second, which few runs need

    was_training, fast = model.training, torch.backends.mha.get_fastpath_enabled()
    model.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            model(images)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        model.train(was_training)
    return counter.get_total_flops() // 2
