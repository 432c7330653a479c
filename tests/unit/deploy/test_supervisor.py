"""Programs that die are restarted, with growing delays, and all of them end when they should."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy import EXIT_REFUSED, supervisor
from deploy.supervisor import Program, StartRefusedError, restart_delay, supervise

DEADLINE = 10.0


def stand_in(log: Path, body: str = "time.sleep(60)", *, prepare: str = "") -> Program:
    """A program that does `prepare`, writes its pid to `log`, a line for each run, and then does `body`."""
    code = [
        "import os, signal, sys, time",
        prepare,
        f"print(os.getpid(), file=open({str(log)!r}, 'a'), flush=True)",
        body,
    ]
    return Program(log.name, (sys.executable, "-c", "\n".join(code)))


async def pids_after(log: Path, runs: int) -> list[int]:
    """The pids that the runs of a stand-in had, once there are as many."""
    async with asyncio.timeout(DEADLINE):
        while not log.exists() or log.read_text().count("\n") < runs:
            await asyncio.sleep(0.01)
    return [int(line) for line in log.read_text().split()]


@pytest.fixture
async def stop() -> AsyncIterator[asyncio.Event]:
    event = asyncio.Event()
    yield event
    event.set()


def test_restarts_at_once_then_slower_and_never_gives_up() -> None:
    delays = [restart_delay(deaths) for deaths in range(1000)]
    assert delays[:9] == [0.1, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8]
    assert set(delays[8:]) == {12.8}


async def test_restarts_what_was_killed(tmp_path: Path, stop: asyncio.Event) -> None:
    log = tmp_path / "runs"
    task = asyncio.create_task(supervise([stand_in(log)], stop))
    [first] = await pids_after(log, 1)
    os.kill(first, signal.SIGKILL)
    [_, second] = await pids_after(log, 2)
    assert psutil.pid_exists(second)
    stop.set()
    await task
    assert not psutil.pid_exists(second)


async def test_a_death_leaves_the_others_alone(tmp_path: Path, stop: asyncio.Event) -> None:
    steady, dying = tmp_path / "steady", tmp_path / "dying"
    task = asyncio.create_task(supervise([stand_in(steady), stand_in(dying, "sys.exit(1)")], stop))
    await pids_after(dying, 3)
    assert len(await pids_after(steady, 1)) == 1
    stop.set()
    await task


async def test_a_refused_start_ends_everything(tmp_path: Path, stop: asyncio.Event) -> None:
    steady, refusing = tmp_path / "steady", tmp_path / "refusing"
    programs = [stand_in(steady), stand_in(refusing, f"sys.exit({EXIT_REFUSED})")]
    with pytest.raises(StartRefusedError):
        await asyncio.wait_for(supervise(programs, stop), DEADLINE)
    assert len(await pids_after(refusing, 1)) == 1
    assert not [child for child in psutil.Process().children() if "steady" in str(child.cmdline())]


async def test_a_refusal_later_on_is_only_a_death(tmp_path: Path, stop: asyncio.Event) -> None:
    log = tmp_path / "runs"
    body = f"sys.exit({EXIT_REFUSED} if open({str(log)!r}).read().count(chr(10)) > 1 else 1)"
    task = asyncio.create_task(supervise([stand_in(log, body)], stop))
    await pids_after(log, 3)
    assert not task.done()
    stop.set()
    await task


async def test_a_process_that_cannot_be_had_now_is_tried_again(
    tmp_path: Path, stop: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while a virtual environment is made anew, or where there are no more processes to be had."""
    log, steady, calls, start = tmp_path / "runs", tmp_path / "steady", 0, asyncio.create_subprocess_exec

    async def refuse_some(*command: str, **how: Any) -> asyncio.subprocess.Process:
        nonlocal calls
        calls += 1
        if calls in (3, 4):  # when the first one has died
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        return await start(*command, **how)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse_some)
    task = asyncio.create_task(supervise([stand_in(log, "sys.exit(1)"), stand_in(steady)], stop))
    await pids_after(log, 2)
    assert calls >= 5
    assert len(await pids_after(steady, 1)) == 1
    stop.set()
    await task


async def test_kills_what_does_not_listen(
    tmp_path: Path, stop: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "END_SECONDS", 0.2)
    log = tmp_path / "runs"
    deaf = stand_in(log, prepare="signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    task = asyncio.create_task(supervise([deaf], stop))
    [pid] = await pids_after(log, 1)
    stop.set()
    await asyncio.wait_for(task, DEADLINE)
    assert not psutil.pid_exists(pid)


async def test_gives_a_program_its_environment_and_input(tmp_path: Path, stop: asyncio.Event) -> None:
    out = tmp_path / "out"
    code = f"import os, sys; open({str(out)!r}, 'w').write(os.environ['ROOM'] + sys.stdin.read() + chr(10))"
    program = Program("reader", (sys.executable, "-c", code), {"ROOM": "demo "}, "hello")
    task = asyncio.create_task(supervise([program], stop))
    async with asyncio.timeout(DEADLINE):
        while not (out.exists() and out.read_text().endswith("\n")):
            await asyncio.sleep(0.01)
    assert out.read_text() == "demo hello\n"
    stop.set()
    await task


SUPERVISOR = """
import asyncio, sys
from deploy.supervisor import Program, supervise
programs = [Program("sleeper", (sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"))] * 2
asyncio.run(supervise(programs, asyncio.Event()))
"""


def test_children_of_a_killed_supervisor_die_too() -> None:
    parent = subprocess.Popen([sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE)
    assert parent.stdout
    with parent.stdout as output:
        for _ in range(2):
            output.readline()
        children = psutil.Process(parent.pid).children()
        parent.kill()
        parent.wait()
        assert len(children) == 2
        assert psutil.wait_procs(children, timeout=3)[1] == []
