"""The process that `roomcast up` becomes: it keeps the others running, and knows no more than it needs to.

What reads settings and speaks with Redis takes three times the memory of what is here, for as long as the
system runs. So `up` decides what to run, and makes room for this module.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import NoReturn, Self

from deploy import EXIT_REFUSED
from deploy.end_signals import end_signals
from deploy.health import answers
from deploy.supervisor import Program, StartRefusedError, supervise
from deploy.tether import tethered
from shared.settings.host_port import HostPort
from shared.telemetry.logging import configure_logging

READY_POLL_SECONDS = 0.05
_BEGIN = (
    "from deploy.hidden_memory import hide_memory; hide_memory();"  # exec has undone it
    "from deploy import hide_rich; hide_rich(); from deploy.launcher import main; main()"
)


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run; `bus` ends last.

    When control's /readyz answers at `address`, `announcement` is printed and the command `checkup` runs.
    """

    log_level: str
    log_format: str
    bus: Sequence[Program]
    bus_url: str  # of the Valkey in `bus`; empty: there is none
    planes: Sequence[Program]
    address: HostPort
    tls: bool
    announcement: str
    checkup: Sequence[str] = ()  # empty: none

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """What `encode` has returned."""
        fields = json.loads(data)
        for group in ("bus", "planes"):
            fields[group] = [Program.of(each) for each in fields[group]]
        return cls(**fields | {"address": HostPort(*fields["address"]), "checkup": tuple(fields["checkup"])})


def become_launcher(launch: Launch, meanwhile: Callable[[], None]) -> NoReturn:
    """Replace this process by one that runs `launch`, under the same process id.

    It is handed over by a pipe: it holds passwords, which arguments would show to every user of the host.
    Whoever writes into the pipe then does `meanwhile`, beside what is launched.
    """
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    writer = os.fork()  # a pipe takes 64 KB before somebody reads
    if writer == 0:
        try:
            with open(writing, "wb") as pipe:
                pipe.write(launch.encode())
            meanwhile()
        finally:
            os._exit(0)
    os.close(writing)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # -P: modules are not those of the working directory, which may be the folder of recordings
    words = [sys.executable, "-P", "-c", _BEGIN, str(reading), str(writer)]
    os.execv(sys.executable, words)  # noqa: S606


def main() -> None:
    with open(int(sys.argv[1]), "rb") as pipe:
        launch = Launch.decode(pipe.read())
    try:
        asyncio.run(run(launch, writer=int(sys.argv[2])))
    except StartRefusedError:  # the process that refused has said why
        sys.exit(EXIT_REFUSED)


async def run(launch: Launch, *, writer: int | None = None) -> None:
    """Run all until a signal. Raises `StartRefusedError` when a process refuses to start.

    `writer` is the process that has written the launch: it ends by itself, or with this one.
    """
    if writer is not None:
        reaping = asyncio.create_task(asyncio.to_thread(os.waitpid, writer, 0))
    configure_logging(launch.log_level, launch.log_format, plane="up")
    stop, bus_stop = asyncio.Event(), asyncio.Event()
    for number in end_signals():
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # the bus ends last, so that the workers can still leave the directory
    bus = asyncio.create_task(supervise(launch.bus, bus_stop))
    announcing = asyncio.create_task(_announce_when_ready(launch))
    try:
        await supervise(launch.planes, stop)
    finally:
        announcing.cancel()
        bus_stop.set()
        await bus
        if writer is not None:
            if not reaping.done():
                with contextlib.suppress(ProcessLookupError):  # it has ended at this moment
                    os.kill(writer, signal.SIGKILL)
            await reaping


async def _announce_when_ready(launch: Launch) -> None:
    while not await asyncio.to_thread(answers, "/readyz", *launch.address, tls=launch.tls):  # noqa: ASYNC110
        await asyncio.sleep(READY_POLL_SECONDS)
    print(launch.announcement, flush=True)
    if launch.checkup:
        checkup = await asyncio.create_subprocess_exec(*tethered(launch.checkup), stdin=subprocess.DEVNULL)
        await checkup.wait()
