"""Ties a child process to its parent's life, so that a killed parent leaves no process behind.

Run as a script between fork and exec: `tether.py PARENT_PID PROGRAM ARGUMENTS...`. A `preexec_fn` would do
the same inside of this process, but is not safe once there are threads.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tethered(command: Sequence[str]) -> list[str]:
    """`command`, to be started by the calling process, and killed by the kernel when that one ends.

    The kernel watches the thread that starts it: call from the main thread. Without effect except on Linux.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def tie_to_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent, the process with that ID, ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was told
        sys.exit()


if __name__ == "__main__":
    tie_to_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  # a list, not a shell line
