"""Puts what a process has imported into huge pages (Linux 6.1 and later).

Between two requests a server rests, and the caches forget it. What a request then touches first is spread
over thousands of small pages, and in a virtual machine each of these costs the processor several looks at
cold tables. In huge pages the same memory needs a few.
"""

import ctypes
import re
from pathlib import Path

HUGE_BYTES = 2 << 20
_MADV_COLLAPSE = 25  # linux/mman.h
# Anonymous memory that only this process has, or the heap: what Python allocates.
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw-p [0-9a-f]+ 00:00 0 *(?:\[heap\])?$", re.MULTILINE)


def take_huge_pages() -> int:
    """Move what is allocated now; returns how many bytes were. Does nothing where the kernel cannot.

    Memory that comes later is in small pages, as before.
    """
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
        madvise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return 0
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    moved = 0
    for start, length in whole_pages(maps):
        if madvise(start, length, _MADV_COLLAPSE) == 0:
            moved += length
    return moved


def whole_pages(maps: str) -> list[tuple[int, int]]:
    """The start and length of what is made of whole huge pages, in the text of /proc/self/maps."""
    found = []
    for first, last in _MAPPING.findall(maps):
        start = -(-int(first, 16) // HUGE_BYTES) * HUGE_BYTES
        length = int(last, 16) // HUGE_BYTES * HUGE_BYTES - start
        if length > 0:
            found.append((start, length))
    return found
