"""A whole system of real processes: control processes and media workers on one Valkey."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from redis.exceptions import RedisError

from deploy.tether import tethered
from shared.bus.connection import connect
from shared.directory.directory import Directory
from shared.settings.host_port import HostPort
from tests.support.fork_server import Forked, fork_server
from tests.support.free_ports import free_media_port, free_port
from tests.support.waiting import eventually

START_SECONDS = 40.0
STOP_SECONDS = 5.0
LOG_TAIL = 8_000  # characters of each log shown when a test fails
LOOPBACK = "127.0.0.1"
# Control closes a connection that is idle for 5 s, httpx's own limit: a request at that moment would be lost.
SHORT_LIVED = httpx.Limits(keepalive_expiry=2.0)
Process = subprocess.Popen[bytes] | Forked
_TRACEBACK = re.compile('Traceback|"exc_type"')  # as text, and as JSON logs have it


@dataclass
class Member:
    """One process of the system."""

    name: str
    url: str  # its HTTP address: the API of a control process, health and metrics of a worker
    process: Process
    log: Path
    environment: Mapping[str, str]
    media: tuple[str, int] | None = None  # a worker's UDP address
    under: Sequence[str] = ()  # see `running_system`

    @property
    def metrics_url(self) -> str:
        address = self.environment.get("METRICS_ADDR")
        return f"http://{address}" if address else self.url

    def restart(self) -> None:
        """Start it again, on the same addresses, when it has ended."""
        part = "worker" if "WORKER_ID" in self.environment else "control"
        assert self.process.poll() is not None
        self.process = _launch(part, self.log, self.environment, under=self.under)

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """End it without a chance to clean up."""
        self.process.kill()
        self.process.wait()


@dataclass
class System:
    """What is running; index 0 always exists."""

    controls: list[Member]
    workers: list[Member]
    http: httpx.AsyncClient

    @property
    def members(self) -> list[Member]:
        return self.controls + self.workers

    def whip(self, room: str, control: int = 0) -> str:
        return f"{self.controls[control].url}/api/whip/publish/{room}"

    def whep(self, room: str, control: int = 0) -> str:
        return f"{self.controls[control].url}/api/whep/play/{room}"

    async def rooms(self, control: int = 0) -> dict[str, dict[str, object]]:
        """`GET /api/rooms`, by name."""
        response = await self.http.get(f"{self.controls[control].url}/api/rooms")
        response.raise_for_status()
        return {room["name"]: room for room in response.json()}

    async def room_live(self, room: str, within: float) -> None:
        """Wait until every control process lists `room` with a publisher."""

        async def live() -> bool:
            listed = [(await self.rooms(number)).get(room, {}) for number in range(len(self.controls))]
            return all(entry.get("hasPublisher") for entry in listed)

        await eventually(f"room {room} is live", live, within)

    async def room_gone(self, room: str, within: float) -> None:
        """Wait until no control process lists `room`."""

        async def gone() -> bool:
            return all([room not in await self.rooms(number) for number in range(len(self.controls))])

        await eventually(f"room {room} is gone", gone, within)


@contextlib.asynccontextmanager
async def running_system(
    redis_url: str,
    *,
    controls: int = 1,
    workers: int = 1,
    media_ip: str = LOOPBACK,
    metrics_apart: bool = False,
    checkouts: Mapping[str, Path] = {},
    under: Sequence[str] = (),
    redis_urls: Mapping[str, str] = {},
    **settings: str,
) -> AsyncIterator[System]:
    """Start a system, ready when entered; `settings` are further environment variables of all processes.

    `metrics_apart`: each control process has a METRICS_ADDR. `checkouts`: of other versions, by the names of
    the members that run them, such as `worker1`. `under`: a command that runs each worker's. `redis_urls`:
    other ways to the same Redis, by the names of members.

    Media flows over `media_ip`, everything else over loopback. On leaving, a process that died by itself or
    logged a traceback is a failure, and the logs are shown with any failure.
    """
    with tempfile.TemporaryDirectory() as logs, contextlib.ExitStack() as processes:
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "REDIS_URL": redis_url,
            "STUN_URLS": ",",  # none: an empty value would mean the default
            "DRAIN_SECONDS": "0",  # tests do not wait for clients to leave
            "LOG_FORMAT": "json",
            **settings,
        }

        def start(part: str, name: str, port: int, **own: str) -> Member:
            url = f"http://{LOOPBACK}:{port}"
            log, own = Path(logs) / f"{name}.log", environment | own
            own["REDIS_URL"] = redis_urls.get(name, redis_url)
            process = _launch(part, log, own, checkouts.get(name), under)
            member = Member(name, url, process, log, own, under=under)
            processes.callback(_stop, member)
            return member

        def start_worker(name: str) -> Member:
            port, media = free_port(), (media_ip, free_media_port(media_ip))
            worker = start(
                "worker",
                name,
                port,
                WORKER_ID=name,
                WORKER_HTTP_ADDR=f"{LOOPBACK}:{port}",
                MEDIA_ADDR=str(HostPort(*media)),
                MEDIA_PUBLIC_IPS=media_ip,
            )
            worker.media = media
            return worker

        def start_control(name: str) -> Member:
            port = free_port()
            metrics = {"METRICS_ADDR": f"{LOOPBACK}:{free_port()}"} if metrics_apart else {}
            return start("control", name, port, HTTP_ADDR=f"{LOOPBACK}:{port}", **metrics)

        async with httpx.AsyncClient(timeout=10, limits=SHORT_LIVED) as http:
            system = System(
                workers=[start_worker(f"worker{number}") for number in range(workers)],
                controls=[start_control(f"control{number}") for number in range(controls)],
                http=http,
            )
            expected = list(system.members)
            try:
                await _ready(system, redis_url)
                yield system
                for member in expected:
                    # 0: it was told to stop
                    assert member.process.poll() in (None, 0, -signal.SIGKILL), f"{member.name} died"
                    assert not _TRACEBACK.search(_log(member)), f"{member.name} logged a traceback"
            except BaseException:
                for member in system.members:
                    print(f"--- {member.name}\n{_log(member)[-LOG_TAIL:]}", file=sys.stderr)
                raise


async def _ready(system: System, redis_url: str) -> None:
    async def ready(control: Member) -> bool:
        try:
            return (await system.http.get(f"{control.url}/readyz")).is_success
        except httpx.TransportError:
            return False

    async def all_ready() -> bool:
        for member in system.members:
            assert member.process.poll() is None, f"{member.name} did not start"
        try:
            announced = await directory.workers()
        except RedisError:  # a busy machine
            return False
        return len(announced) == len(system.workers) and all([await ready(one) for one in system.controls])

    async with connect(redis_url) as redis:
        directory = Directory(redis)
        await eventually("the system is ready", all_ready, START_SECONDS)


def _log(member: Member) -> str:
    return member.log.read_text(encoding="utf-8", errors="replace")


def _launch(
    part: str,
    log: Path,
    environment: Mapping[str, str],
    checkout: Path | None = None,
    under: Sequence[str] = (),
) -> Process:
    under = under if part == "worker" else ()
    if "PYTEST_VERSION" in os.environ and checkout is None and not under:
        return fork_server().start([part], environment, log)
    path = {"PYTHONPATH": str(checkout)} if checkout else {}
    # the benchmark measures a process that shares nothing
    with log.open("ab") as stream:
        return subprocess.Popen(
            tethered([*under, sys.executable, "-m", "deploy.cli", part]),
            cwd=checkout,
            env={**environment, **path},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )


def _stop(member: Member) -> None:
    process = member.process
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def routable_address() -> Iterator[str]:
    """An IPv4 address of this host that is not loopback, which some ICE libraries refuse to use.

    Where there is none (a machine without network) a veth pair lends one; that takes root.
    """
    own = [
        one.address
        for interface in psutil.net_if_addrs().values()
        for one in interface
        if one.family is socket.AF_INET and not one.address.startswith(("127.", "169.254."))
    ]
    if own:
        yield own[0]
        return
    device, peer, address = "roomcast0", "roomcast1", "198.18.0.1"
    _ip("link", "add", device, "type", "veth", "peer", "name", peer)
    try:
        _ip("address", "add", f"{address}/30", "dev", device)
        for end in (device, peer):
            _ip("link", "set", end, "up")
        yield address
    finally:
        _ip("link", "delete", device)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
