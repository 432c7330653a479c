"""Writes lines so that whoever logs never waits for whoever reads the log.

A pipe that nobody reads, a disk that stalls under the log's collector, or Ctrl-S in a terminal would stop the
event loop otherwise, and media with it. What the kernel takes without waiting, into a pipe or a socket that
has room, is written at once. The rest is left to a thread, which costs more to wake than a line to write.
"""

import os
import select
import threading
from collections.abc import Callable
from queue import SimpleQueue

MOST_WAITING_BYTES = 4 * 1024 * 1024  # some 16,000 lines: minutes of a busy process
PIPE_SECONDS = 1.0  # between two looks at a descriptor that does not block
_AT_THE_END = -1  # where `write` would
_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)  # 0: the system knows no such write


class LineWriter:
    """A text file, as far as loggers need one. What does not fit into the queue is dropped, and counted.

    `tell` is called in the writer's thread, with the number of lines, after some were dropped.
    """

    def __init__(self, descriptor: int, tell: Callable[[int], None] = lambda _: None) -> None:
        self.dropped = 0  # lines
        self._descriptor = descriptor
        self._tell = tell
        self._told = 0
        self._lines: SimpleQueue[bytes | threading.Event | None] = SimpleQueue()
        self._waiting = 0  # bytes
        # It is never held by who waits. A thread that holds it may write again: the garbage collector runs at
        # any step, and asyncio logs a task whose error nobody has seen.
        self._lock = threading.RLock()
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def write(self, text: str) -> int:
        line = text.encode(errors="backslashreplace")
        with self._lock:
            if _NOWAIT and not self._waiting:
                line = line[self._put_at_once(line) :]
            if self._waiting + len(line) > MOST_WAITING_BYTES:
                self.dropped += 1
            elif line:
                self._waiting += len(line)
                self._lines.put(line)  # before another thread's: a part of this one may be out
        return len(text)

    def _put_at_once(self, line: bytes) -> int:
        """Write what the kernel takes without waiting; returns how many octets."""
        try:
            return os.pwritev(self._descriptor, [line], _AT_THE_END, _NOWAIT)
        except OSError:  # it takes nothing now, or files of that kind may always wait
            return 0

    def flush(self) -> None:
        """Do nothing: that is what loggers call after each line."""

    def drain(self, seconds: float) -> bool:
        """Wait until all that was written before is out; False: it is not, after so many seconds."""
        out = threading.Event()
        self._lines.put(out)
        return out.wait(seconds)

    def close(self) -> None:
        """Write what waits, and take no notice of what comes then."""
        self._lines.put(None)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            if isinstance(line, threading.Event):
                line.set()
                continue
            is_out = self._put(line)
            with self._lock:
                self._waiting -= len(line)
                self.dropped += not is_out
                missing = self.dropped - self._told if is_out else 0
                self._told += missing
            if missing:
                self._tell(missing)

    def _put(self, line: bytes) -> bool:
        """Whether the line is out. Nobody is there to read it if not."""
        left = memoryview(line)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [], PIPE_SECONDS)
            except OSError:
                return False
        return True
