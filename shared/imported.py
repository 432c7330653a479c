"""What a process has imported by the time that it serves: it keeps that for as long as it lives."""

import ctypes
import gc
import re
from pathlib import Path

_MADV_COLLAPSE = 25  # linux/mman.h, since Linux 6.1
# What Python allocates: memory of this process alone that is no file's, and the heap.
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw-p [0-9a-f]+ 00:00 0 *(?:\[heap\])?$", re.MULTILINE)


def settle_imported() -> None:
    """Spare the garbage collector what is imported, and put it into huge pages where the kernel can.

    A server rests between two packets, and the caches forget it. What it touches next, code above all, is
    spread over thousands of small pages, and the processor looks up the place of each of them anew.
    """
    gc.freeze()
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
        madvise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for first, last in _MAPPING.findall(maps):
        start = int(first, 16)
        madvise(start, int(last, 16) - start, _MADV_COLLAPSE)  # of the whole huge pages in it
