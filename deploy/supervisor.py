"""Keeps programs running as child processes: starts them, restarts them when they die, and ends them all."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from deploy import EXIT_REFUSED
from deploy.tether import tethered
from shared.telemetry.logging import get_logger

END_SECONDS = 2.5  # from the signal to stop to SIGKILL
_NOT_SECRET = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
STEADY_SECONDS = 10.0  # a program that ran this long restarts without growing delay

log = get_logger()


class StartRefusedError(Exception):
    """A program ended its first run with `EXIT_REFUSED`; it has printed the reason to stderr."""


@dataclass(frozen=True, slots=True)
class Program:
    """A command to keep running; `environment` is added to our own, `stdin` is its standard input.

    A program that cannot hide its memory is not `trusted`: it gets no secret of our environment.
    `stop_signal` asks it to stop.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""
    trusted: bool = True
    stop_signal: signal.Signals = signal.SIGTERM

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """From its fields, as JSON has them."""
        command, number = tuple(fields["command"]), signal.Signals(fields["stop_signal"])
        return cls(**{**fields, "command": command, "stop_signal": number})


def restart_delay(young_deaths: int) -> float:
    """Seconds before the next start of a program that died young `young_deaths` times in a row.

    Doubles from 0.1 s to 12.8 s: restarts slow down, but never stop.
    """
    return 0.1 * 2.0 ** min(max(young_deaths - 1, 0), 7)


async def supervise(programs: Iterable[Program], stop: asyncio.Event) -> None:
    """Keep every program running until `stop` is set, then end them all, within `END_SECONDS`.

    When one refuses to start, this sets `stop` itself, and raises `StartRefusedError` once all have ended.
    Call it in the main thread: see `tethered`.
    """
    refused = await asyncio.gather(*(_keep(program, stop) for program in programs))
    if any(refused):
        raise StartRefusedError


async def _keep(program: Program, stop: asyncio.Event) -> bool:
    """Returns True when the program refused to start, otherwise False, once `stop` is set."""
    clock = asyncio.get_running_loop().time
    runs = young_deaths = 0
    while not stop.is_set():
        started = clock()
        try:
            code = await _run(program, stop)
            how = _how(code)
        except OSError as error:  # no process can be had now, or its program is just being replaced
            if runs == 0:
                raise
            code, how = 0, error.strerror or str(error)
        runs += 1
        if stop.is_set():
            break
        if code == EXIT_REFUSED and runs == 1:
            stop.set()
            return True
        young_deaths = 0 if clock() - started >= STEADY_SECONDS else young_deaths + 1
        delay = restart_delay(young_deaths)
        log.error("process died, restarting it", process=program.name, how=how, seconds=delay)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), delay)
    return False


def _inherited(program: Program) -> Mapping[str, str]:
    if program.trusted:
        return os.environ
    return {name: os.environ[name] for name in _NOT_SECRET if name in os.environ}


async def _run(program: Program, stop: asyncio.Event) -> int:
    """Run it until it ends or `stop` is set; returns its exit code, negative for a signal."""
    process = await asyncio.create_subprocess_exec(
        *tethered(program.command),
        env={**_inherited(program), **program.environment},
        stdin=subprocess.PIPE,
        process_group=0,  # Ctrl-C reaches this process only, which ends the children in order
    )
    ended = asyncio.create_task(process.communicate(program.stdin.encode()))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    for number in (program.stop_signal, signal.SIGKILL):
        if not ended.done():
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                process.send_signal(number)
            await asyncio.wait({ended}, timeout=END_SECONDS)
    await ended
    assert process.returncode is not None
    return process.returncode


def _how(exit_code: int) -> str:
    if exit_code >= 0:
        return f"exit code {exit_code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-exit_code).name
    return f"signal {-exit_code}"
