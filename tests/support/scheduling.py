"""Keeps an encoder from taking the whole machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def ordinary_priority() -> Iterator[None]:
    """Make all threads ordinary ones again at the end.

    SVT-AV1, run by root, gives itself and the thread that opened it real-time priority: for the rest of its
    life that process would keep all others from the processor, its own servers and browsers among them.
    """
    try:
        yield
    finally:
        for task in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):  # it may have ended
                os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))
