"""A simulated cluster: a Valkey, control processes, and processes with simulated workers."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from redis.asyncio import Redis

from deploy.tether import tethered
from shared.bus.connection import connect
from tests.support.fork_server import Forked, fork_server
from tests.support.free_ports import free_port
from tests.support.own_valkey import OwnValkey
from tests.support.waiting import eventually
from tools.bench.http_client import Client
from tools.bench.usage import Usage

START_SECONDS = 120.0


@dataclass
class Simulated:
    url: str  # of its Valkey
    redis: Redis
    redis_pid: int
    control: Forked
    port: int  # of its HTTP
    host: subprocess.Popen[bytes] | None  # of the workers

    async def cpu(self) -> tuple[float, float]:
        """Seconds of CPU so far: of control, and of Redis."""
        return Usage.of([self.control.pid]).cpu, Usage.of([self.redis_pid]).cpu

    async def stalled(self) -> float:
        """Seconds for which the workers' process stood still at most since the call before."""
        assert self.host is not None
        return await asyncio.to_thread(stalled, self.host)


@asynccontextmanager
async def simulated(workers: int, rooms: int, *, quick: bool = False) -> AsyncIterator[Simulated]:
    """`workers` workers at rest, with `rooms` rooms each; 0: only Redis and control.

    Those that are `quick` answer offers, and tell nobody of it.
    """
    valkey = OwnValkey(free_port())
    valkey.start()
    redis = connect(valkey.url)
    with ExitStack() as stack:
        stack.callback(valkey.stop)
        folder = Path(stack.enter_context(TemporaryDirectory()))
        host = None
        if workers:
            host = start_host(valkey.url, workers, rooms, quick=quick)
            stack.callback(kill, host)
            await asyncio.to_thread(wait_ready, host)
        port = free_port()
        environment = {
            "REDIS_URL": valkey.url,
            "HTTP_ADDR": f"127.0.0.1:{port}",
            "LOG_LEVEL": "error",
        }
        control = fork_server().start(["control"], environment, folder / "log")
        stack.callback(_stop, control)
        info = await redis.info("server")
        try:
            await eventually("control lists all rooms", partial(_lists, port, workers * rooms), START_SECONDS)
            yield Simulated(valkey.url, redis, info["process_id"], control, port, host)
        finally:
            await redis.aclose()


def start_host(url: str, workers: int, rooms: int, *, quick: bool = False) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "tools.sim.host", url, str(workers), str(rooms), *(["quick"] * quick)]
    return subprocess.Popen(tethered(program), stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def wait_ready(host: subprocess.Popen[bytes]) -> None:
    assert host.stdout is not None
    assert host.stdout.readline().strip() == b"ready"


def stalled(host: subprocess.Popen[bytes]) -> float:
    """Seconds for which it stood still at most since the call before."""
    assert host.stdin is not None
    assert host.stdout is not None
    host.stdin.write(b"\n")
    host.stdin.flush()
    return float(host.stdout.readline())


def kill(host: subprocess.Popen[bytes]) -> None:
    """It holds a thousand connections, and nothing that it must end in order."""
    host.kill()
    host.communicate()


async def _lists(port: int, rooms: int) -> bool:
    try:
        async with Client(port) as client:
            reply = await client.ask("GET", "/api/rooms")
    except OSError:
        return False
    return reply.status == 200 and reply.body.count(b'"name"') == rooms


def _stop(control: Forked) -> None:
    control.terminate()
    control.wait(10)
