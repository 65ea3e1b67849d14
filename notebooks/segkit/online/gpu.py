"""What GPU there is, in a sentence."""

from collections import Counter

from segkit.online.places import COLAB, KAGGLE

_HOW_TO_GET_ONE = {
    COLAB: " Notebook 3 wants one: Runtime > Change runtime type > T4 GPU, then run this cell again.",
    KAGGLE: " Notebook 3 wants one: Settings > Accelerator, then run this cell again.",
}


def gpu_sentence(where: str) -> str:
    """The names and memory of the GPUs that PyTorch sees, or how to get one."""
    import torch

    if torch.cuda.is_available():
        found = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
        kinds = Counter(f"{one.name}, {one.total_memory / 2**30:.0f} GiB" for one in found)
        return f"GPU: {'; '.join(f'{count} x {kind}' if count > 1 else kind for kind, count in kinds.items())}."
    if torch.backends.mps.is_available():
        return "GPU: Apple's, with the memory of this machine."
    return f"There is no GPU here.{_HOW_TO_GET_ONE.get(where, '')}"
