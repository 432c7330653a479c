"""A core for the server that is measured, where the load that it is measured under does not interrupt it."""

import os
from pathlib import Path

_CORES = sorted(os.sched_getaffinity(0))


def give_core(server: int) -> None:
    """Move process `server` to one core of ours, and this process to the others; nothing where there is one.

    What this process starts from now on begins on the others, too.
    """
    leave_core()
    if len(_CORES) > 1:
        for thread in Path(f"/proc/{server}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {_CORES[0]})


def leave_core() -> None:
    """Move this process, and what it starts from now on, off the core that `give_core` gives away."""
    if len(_CORES) > 1:
        os.sched_setaffinity(0, _CORES[1:])
