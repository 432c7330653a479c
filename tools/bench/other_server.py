"""Other servers beside ours: a program that serves WHIP and WHEP on loopback."""

import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from deploy.tether import tethered
from tests.support.free_ports import free_port
from tests.support.system import LOOPBACK
from tests.support.waiting import eventually
from tools.bench.generator import ROOM

START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """`pids` are of all its processes."""

    name: str
    whip: str
    whep: str
    pids: Sequence[int]


@contextlib.asynccontextmanager
async def started_server(name: str, command: Sequence[str]) -> AsyncIterator[Server]:
    """A program that serves on the port which is its last argument."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, port)) == 0

    with _process([*command, str(port)]) as pid:
        await eventually(f"{name} listens", listens, START_SECONDS)
        yield Server(name, f"{url}/whip/{ROOM}", f"{url}/whep/{ROOM}", [pid])


@contextlib.contextmanager
def _process(command: Sequence[str]) -> Iterator[int]:
    """Run a program; the id of its process."""
    with subprocess.Popen(tethered(command)) as process:
        try:
            yield process.pid
        finally:
            process.kill()
