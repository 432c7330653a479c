"""The system of one checkout: `roomcast up` with its own Valkey, one control process and one worker.

It relies on nothing but that command and the HTTP API, which commits have in common.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
import psutil

from deploy.tether import tethered
from tests.support.free_ports import free_media_port, free_port
from tests.support.system import LOG_TAIL, LOOPBACK
from tests.support.waiting import eventually
from tools.bench.checkout import Checkout
from tools.bench.generator import ROOM

START_SECONDS = 40.0
STOP_SECONDS = 10.0  # more than `roomcast up` takes to end its processes
PARTS = ("control", "worker")  # that are ours, below `up`
HANDED_ON = ("PATH", "HOME", "LANG")  # no settings of whoever measures
SETTINGS = {
    "STUN_URLS": ",",  # none
    "WORKER_MAX_LOAD": "1",  # a whole core: nobody is refused before
    "LOG_FORMAT": "json",
}


@dataclass(frozen=True, slots=True)
class CheckoutSystem:
    """`processes` are the ids of all that it consists of, by what they do. Worker and control run `checkout`:
    that has been checked.
    """

    checkout: Checkout
    url: str
    processes: Mapping[str, int]

    @property
    def worker(self) -> int:
        return self.processes["worker"]

    @property
    def whip(self) -> str:
        return f"{self.url}/api/whip/publish/{ROOM}"

    @property
    def whep(self) -> str:
        return f"{self.url}/api/whep/play/{ROOM}"

    async def viewers_by_layer(self) -> list[int]:
        """Of the only room, how many viewers get each layer, best first."""
        async with httpx.AsyncClient(timeout=5) as http:
            (room,) = (await http.get(f"{self.url}/api/rooms", params={"detail": "true"})).json()
        return [layer["viewers"] for layer in room["layers"]]


@contextlib.asynccontextmanager
async def started(checkout: Checkout) -> AsyncIterator[CheckoutSystem]:
    """Ready when entered. On a failure its log is shown."""
    with tempfile.TemporaryFile() as log:
        try:
            with _collected(log) as pipe, _up(checkout, pipe) as (process, address):
                await eventually(f"{checkout.root} is ready", lambda: _ready(process, address), START_SECONDS)
                processes = _processes(process)
                for part in PARTS:
                    checkout.check(processes[part])
                yield CheckoutSystem(checkout, address, processes)
        except Exception:
            log.seek(0)
            text = log.read().decode(errors="replace")
            print(f"--- {checkout.root}\n{text[-LOG_TAIL:]}", file=sys.stderr)
            raise


@contextlib.contextmanager
def _collected(log: IO[bytes]) -> Iterator[int]:
    """A pipe into the file, as a log goes under systemd and in a container."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log) as collector:
        assert collector.stdin is not None
        yield collector.stdin.fileno()


@contextlib.contextmanager
def _up(checkout: Checkout, log: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run `roomcast up`; the process, and the URL of its API."""
    http = f"{LOOPBACK}:{free_port()}"
    environment = {
        **{name: os.environ[name] for name in HANDED_ON if name in os.environ},
        **SETTINGS,
        **checkout.environment,
        "HTTP_ADDR": http,
        "WORKER_HTTP_ADDR": f"{LOOPBACK}:{free_port()}",
        "MEDIA_ADDR": f"{LOOPBACK}:{free_media_port()}",
        "MEDIA_PUBLIC_IPS": LOOPBACK,
    }
    command = [str(checkout.python), "-m", "deploy.cli", "up", "--workers", "1"]
    process = subprocess.Popen(
        tethered(command), cwd=checkout.root, env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        yield process, f"http://{http}"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # its children end with it: they are tethered
            process.wait()


async def _ready(process: subprocess.Popen[bytes], address: str) -> bool:
    """Whether control knows the worker."""
    assert process.poll() is None, "`roomcast up` has ended"
    async with httpx.AsyncClient(timeout=2) as http:
        with contextlib.suppress(httpx.TransportError):
            response = await http.get(f"{address}/api/metrics/targets")
            return response.is_success and bool(response.json())
    return False


def _processes(process: subprocess.Popen[bytes]) -> dict[str, int]:
    """All processes of a `roomcast up`, by what they do."""
    up = psutil.Process(process.pid)
    found = {"up": up.pid}
    for child in up.children(recursive=True):
        words = child.cmdline()
        part = next((part for part in PARTS if words[-2:] == ["deploy.cli", part]), None)
        found[part or Path(child.exe()).name] = child.pid
    return found
