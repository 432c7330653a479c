"""A core for the server that is measured, where the load that it is measured under does not interrupt it."""

import os
from pathlib import Path

_CORES = sorted(os.sched_getaffinity(0))


def give_core(server: int) -> None:
    """Move process `server` to one core of ours, and this process to the others; nothing where there is one.

    What this process starts from now on begins on the others, too.
    """
    first, *others = _CORES
    if not others:
        return
    for thread in Path(f"/proc/{server}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {first})
    os.sched_setaffinity(0, others)
