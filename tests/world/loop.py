"""One event loop for all processes of a simulated world. Time passes only when nobody has anything to do.

Each callback belongs to the process in whose context it was made. A process can be paused, as by SIGSTOP: its
callbacks wait; or be killed.
"""

import asyncio
import heapq
import threading
import traceback
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from itertools import count
from typing import Any

from tests.world.clock import HostClock, clock, host_clock

_process: ContextVar["Process | None"] = ContextVar("process", default=None)


_numbers = count()


class _Task(asyncio.Task[Any]):
    """Its hash is its number: the order of a set of tasks is not that of their addresses."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._number = next(_numbers)
        super().__init__(*args, **options)

    def __hash__(self) -> int:
        return self._number


class _Future(asyncio.Future[Any]):
    """The same."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._number = next(_numbers)
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number


class Process:
    """A process of the world. `phase`, 0 to 1, is when it beats within each second."""

    def __init__(self, name: str, loop: "WorldLoop", phase: float, host: HostClock) -> None:
        self.name = name
        self.phase = phase
        self.is_alive = True
        self.is_paused = False
        self.signals: dict[int, Callable[[], object]] = {}
        self.died: asyncio.Future[None] = loop.create_future()
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.waiting: list[asyncio.Handle] = []  # while it is paused
        self._loop = loop
        self._context = copy_context()
        self._context.run(_process.set, self)
        self._context.run(host_clock.set, host)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self._loop.create_task(work, context=self._context.copy())

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Do something as this process, once it runs."""
        self._loop.call_soon(function, *args, context=self._context.copy())

    def signal(self, number: int) -> None:
        if self.is_alive and number in self.signals:
            self.call(self.signals[number])

    def pause(self) -> None:
        self.is_paused = True

    def go_on(self) -> None:
        self.is_paused = False
        self._loop.enqueue(self.waiting)
        self.waiting = []

    def kill(self) -> None:
        """End it at once. Its code still unwinds, but nothing of that gets out: see `network.py`."""
        self.is_alive = False
        for task in list(self.tasks):
            task.cancel()
        self.go_on()
        self.died.set_result(None)


def present_process() -> Process | None:
    return _process.get()


class DeadlockError(Exception):
    """Nobody in the world waits for a time: nothing will ever happen."""


class WorldLoop(asyncio.BaseEventLoop):
    def __init__(self) -> None:
        global _numbers
        _numbers = count()
        super().__init__()
        self.set_task_factory(self._make_task)
        self.set_exception_handler(self._on_fault)
        self.faults: list[str] = []

    def time(self) -> float:
        return clock.now

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(self)

    def enqueue(self, handles: list[asyncio.Handle]) -> None:
        self._ready.extend(handles)

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
        process = _process.get()
        assert process is not None
        process.signals[sig] = lambda: callback(*args)

    def _run_once(self) -> None:
        """As asyncio has it, but for the selector, and for processes that do not run."""
        ready, scheduled = self._ready, self._scheduled
        if not ready:
            while scheduled and scheduled[0].cancelled():
                heapq.heappop(scheduled)._scheduled = False
            if not scheduled:
                raise DeadlockError
            clock.now = max(clock.now, scheduled[0].when())
        while scheduled and scheduled[0].when() <= clock.now:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle.cancelled():
                continue
            process = handle._context.get(_process)
            if process is not None and process.is_paused:
                process.waiting.append(handle)
            else:
                handle._run()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A timer that was cancelled waits for its time to be dropped."""

    def call_soon_threadsafe(
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """A thread has no place in the world: when it is done depends on the machine."""
        assert threading.current_thread() is threading.main_thread()
        return super().call_soon_threadsafe(callback, *args, context=context)

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, work: Any, context: Context | None = None, **options: Any
    ) -> asyncio.Task[Any]:
        task = _Task(work, loop=loop, context=context, **options)
        process = _process.get() if context is None else context.get(_process)
        if process is not None:
            process.tasks[task] = None
            task.add_done_callback(process.tasks.pop)
        return task

    def _on_fault(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        process = _process.get()
        if process is None or process.is_alive:
            fault = context.get("exception")
            trace = "".join(traceback.format_exception(fault)) if fault else ""
            self.faults.append(f"{context.get('message')}\n{trace}".rstrip())
