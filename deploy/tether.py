"""Ends a child process together with its parent, so that a killed parent leaves no process behind.

Run as a script between fork and exec: `tether.py PARENT_PID PROGRAM ARGUMENTS...`. A `preexec_fn` would do
the same within the process, but is not safe in a process with threads.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tethered(command: Sequence[str]) -> list[str]:
    """`command`, for the calling process to start; the kernel kills it when that process ends.

    The kernel watches the thread that starts the command: call this in the main thread. Linux only; elsewhere
    it has no effect.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def tie_to_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent, the process with that ID, ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel knew
        sys.exit()


if __name__ == "__main__":
    tie_to_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  # a list, not a shell line
