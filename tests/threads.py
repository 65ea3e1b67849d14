"""Torch in one thread: on a busy machine threads that wait for each other take five times as long as one."""

from collections.abc import Iterator

import torch


def one_thread() -> Iterator[None]:
    """A fixture for `pytest.fixture`: one thread while it lasts, then as many as before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
