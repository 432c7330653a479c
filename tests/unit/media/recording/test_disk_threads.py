"""Threads that a disk may hold: few, and none of them matters."""

import asyncio
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from media.recording.disk_threads import MAX_CALLS, DiskBusyError, DiskThreads
from tests.support.waiting import eventually

WITHIN = 10.0


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """A disk that hangs until the test is over."""
    event = threading.Event()
    yield event
    event.set()


async def test_what_hangs_holds_up_nothing_else(hang: threading.Event) -> None:
    threads = DiskThreads("test", 2)
    threads.submit(lambda: hang.wait() and None)
    assert [await threads.call(lambda n=n: n + 1) for n in range(50)] == list(range(1, 51))
    assert threads.count == 2


async def test_there_are_never_more_than_the_limit(hang: threading.Event) -> None:
    threads = DiskThreads("test", 3)
    for _ in range(50):
        threads.submit(lambda: hang.wait() and None)
    assert threads.count == 3
    hang.set()
    assert await threads.call(lambda: "the rest is done") == "the rest is done"


async def test_none_is_started_without_work_and_what_is_done_is_let_go() -> None:
    threads = DiskThreads("test", 1)
    assert threads.count == 0

    def work() -> None: ...

    done = weakref.ref(work)
    threads.submit(work)
    del work
    await eventually("it is let go", lambda: done() is None, WITHIN)
    assert threads.count == 1


async def test_where_no_thread_can_be_started_those_that_run_do_the_work(
    monkeypatch: pytest.MonkeyPatch, hang: threading.Event
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads = DiskThreads("test", 2)
    threads.submit(lambda: hang.wait() and None)
    with monkeypatch.context() as without, capture_logs() as logs:
        without.setattr(threading.Thread, "start", refuse)
        call = asyncio.ensure_future(threads.call(lambda: 1))
        await asyncio.sleep(0)
    assert [log["event"] for log in logs] == ["no thread for the disk"]
    assert threads.count == 1
    hang.set()
    assert await call == 1


async def test_what_fails_fails_for_its_caller_only() -> None:
    threads = DiskThreads("test", 1)
    with pytest.raises(PermissionError):
        await threads.call(lambda: (_ for _ in ()).throw(PermissionError))
    with capture_logs() as logs:
        threads.submit(lambda: int("a bug") and None)
        assert await threads.call(lambda: 1) == 1
    assert [log["event"] for log in logs] == ["work on the disk broke"]
    assert threads.count == 1


async def test_calls_do_not_pile_up_before_a_disk_that_hangs(hang: threading.Event) -> None:
    threads = DiskThreads("test", 1)
    begun = threading.Event()
    threads.submit(lambda: begun.set() or (hang.wait() and None))
    await eventually("it hangs", begun.is_set, WITHIN)
    calls = [asyncio.ensure_future(threads.call(hang.wait)) for _ in range(MAX_CALLS)]
    await asyncio.sleep(0)  # so that they begin
    with pytest.raises(DiskBusyError):
        await threads.call(int)
    hang.set()
    assert all(await asyncio.gather(*calls))


def test_a_process_ends_although_one_hangs() -> None:
    script = """
import threading
from media.recording.disk_threads import DiskThreads
threads, begun = DiskThreads("test", 1), threading.Event()
threads.submit(lambda: (begun.set(), threading.Event().wait()) and None)
begun.wait()
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=30).returncode == 0
