"""Threads for whatever may wait for a disk: a bounded number, started when needed.

A disk that hangs holds the thread that called it, for ever. It holds neither the event loop, nor other
work while there are threads left, nor the end of the process: the threads are daemons.
"""

import asyncio
import errno
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

from shared.telemetry.logging import get_logger

MAX_CALLS = 128  # that wait for a thread

P = ParamSpec("P")
T = TypeVar("T")

log = get_logger()


class DiskBusyError(OSError):
    """Too many calls wait for the disk already."""


class DiskThreads:
    """At most `limit` threads, one more for each work until then. Its methods may be called in any thread."""

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._starting = threading.Lock()
        self.count = 0  # threads

    def submit(self, work: Callable[[], None]) -> None:
        """Do `work` in a thread, in the order of submission. The caller limits how much waits."""
        self._work.put(work)
        with self._starting:
            if self.count < self._limit:
                self._start()

    async def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns or raises, in a thread. Raises `DiskBusyError`."""
        if self._work.qsize() >= MAX_CALLS:
            raise DiskBusyError(errno.EBUSY, "the disk does not answer")
        result: Future[T] = Future()

        def run() -> None:
            if not result.set_running_or_notify_cancel():
                return
            try:
                result.set_result(work(*args, **kwargs))
            except Exception as fault:
                result.set_exception(fault)

        self.submit(run)
        return await asyncio.wrap_future(result)

    def _start(self) -> None:
        try:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
        except RuntimeError as fault:  # no memory, or too many threads: those that run do the work
            log.error("no thread for the disk", threads=self._name, running=self.count, error=str(fault))
        else:
            self.count += 1

    def _run(self) -> None:
        while True:
            try:
                self._work.get()()  # without a name, which would keep what is done
            except Exception:
                log.exception("work on the disk broke", threads=self._name)
