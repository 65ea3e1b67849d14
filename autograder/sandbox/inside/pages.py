"""Large pages for what was imported: a fork copies an entry for each page, and PyTorch fills very many small ones.

Linux 6.1 and newer, madvise(2). Elsewhere nothing happens, and a fork takes longer.
"""

import ctypes

MADV_COLLAPSE = 25
HUGE = 2**21


def use_huge_pages() -> None:
    """Put this process's own memory into huge pages, where the kernel can."""
    libc = ctypes.CDLL(None)
    with open("/proc/self/maps") as maps:
        regions = [line.split() for line in maps]
    for place, rights, _, _, file, *name in regions:
        begin, end = (int(address, 16) for address in place.split("-"))
        if rights == "rw-p" and file == "0" and name in ([], ["[heap]"]) and end - begin >= HUGE:
            libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), MADV_COLLAPSE)
