"""Keeps a process's memory and environment from other processes of the same user: they hold secrets.

Where the kernel has no Yama, such a process reads `/proc/PID/environ` and attaches as a debugger. From now on
root alone does, and no core is dumped. A program that is started afterwards is not hidden by it.
"""

import ctypes

_PR_SET_DUMPABLE = 4


def hide_memory() -> None:
    """Linux cannot refuse it."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, *map(ctypes.c_ulong, (0, 0, 0, 0)))
