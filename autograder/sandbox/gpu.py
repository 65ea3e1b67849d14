"""What submissions hold on NVIDIA's GPUs, as the driver counts it: their own processes could say anything."""

from collections.abc import Collection
from functools import cache


def gpu_memory(pids: Collection[int]) -> int:
    """Bytes that these processes hold on all GPUs; 0 where the driver does not tell, as in some containers."""
    nvml = _driver()
    if nvml is None:
        return 0
    running = [one for handle in _handles() for one in nvml.nvmlDeviceGetComputeRunningProcesses(handle)]
    return sum(one.usedGpuMemory or 0 for one in running if one.pid in pids)


@cache
def _driver():
    """NVIDIA's management library; None without a driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


@cache
def _handles() -> list:
    nvml = _driver()
    return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
