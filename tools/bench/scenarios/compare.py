"""The same film through this server, through aiortc's own MediaRelay, one on Pion, and others that run here.

A server that decodes and encodes again, as MediaRelay does, sends other packets than it gets: what can be
compared is the pictures that viewers get, and the CPU that each costs. Of ours all processes count: control
and Valkey, too.
"""

import argparse
import contextlib
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.tether import tethered
from tests.support.free_ports import free_port
from tests.support.system import LOOPBACK
from tests.support.waiting import eventually
from tools.bench.checkout import Checkout
from tools.bench.checkout_system import started
from tools.bench.film import Film
from tools.bench.generator import ROOM, loaded
from tools.bench.pion import built_pion_server
from tools.bench.publisher import DEFAULT_STREAM, Pictures
from tools.bench.report import Report
from tools.bench.scenarios.joins import FAILURES
from tools.bench.scenarios.relay import WARM_UP_SECONDS, add_windows
from tools.bench.table import NOTHING, milliseconds, table

VIEWERS = (1, 5, 10, 100)
SIZE = (1280, 720)
AT_ONCE = 2
START_SECONDS = 20.0
MEDIA_RELAY = [sys.executable, "-m", "tools.bench.media_relay_server"]
GIVEN_OUT = 0.5  # share of the pictures: more viewers are not tried

COLUMNS = (
    "server",
    "rooms x viewers",
    "pictures sent/s",
    "got",
    "packets/s",
    "server CPU",
    "CPU ms/s of a viewer",
    "CPU µs/packet",
    "KB/viewer",
    "delay p50 ms",
    "p99",
    "generator CPU",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--viewers", type=int, nargs="+", default=VIEWERS, help="of each room, one line each %(default)s")
    add("--rooms", type=int, default=1, help="with a publisher each (%(default)s)")
    add("--size", type=int, nargs=2, default=SIZE, metavar=("WIDTH", "HEIGHT"), help="%(default)s")
    add("--pion", action="store_true", help="a server on Pion, too, which is built first")
    add("--bursts", action="store_true", help="the packets of `relay` instead of a film")
    add(
        "--server",
        nargs=4,
        action="append",
        default=[],
        metavar=("NAME", "WHIP", "WHEP", "PID"),
        help="another server, its URLs, and its process, which runs on this host",
    )
    add_windows(parser)


@dataclass(frozen=True, slots=True)
class Server:
    """`pids` are of all its processes."""

    name: str
    whip: str
    whep: str
    pids: Sequence[int]


async def run(_: str, arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as directory:
        pion_server = built_pion_server(Path(directory)) if arguments.pion else None
        await _compare(arguments, pion_server)


async def _compare(arguments: argparse.Namespace, pion_server: Path | None) -> None:
    width, height = arguments.size
    stream: Pictures = DEFAULT_STREAM if arguments.bursts else Film.encoded((width, height))
    rows: list[tuple[str, ...]] = []
    servers = [_roomcast()]
    if pion_server is not None:
        servers.append(started_server("Pion", [str(pion_server)]))
    if not arguments.bursts:  # which nobody can decode
        servers.append(started_server("aiortc MediaRelay", MEDIA_RELAY))
    for running in [*servers, *map(_other, arguments.server)]:
        async with running as server:
            for viewers in arguments.viewers:
                reports = await _measure(server, viewers, stream, arguments)
                if not reports:
                    rows.append((server.name, f"{arguments.rooms} x {viewers}", *["-"] * (len(COLUMNS) - 2)))
                    print(f"{server.name}: {viewers} viewers did not all get media", file=sys.stderr)
                    break
                report = max(reports, key=lambda report: report.pictures_each)
                rows.append(_row(server, report))
                print(f"{server.name}: {viewers} viewers measured", file=sys.stderr)
                if report.pictures_each * report.rooms < GIVEN_OUT * report.pictures_sent:
                    break
    print(table(COLUMNS, rows))
    what = "As `relay`" if arguments.bursts else f"VP8, {width} x {height}"
    print(
        f"\n{what}, {stream.rate} pictures a second, without UDP GRO. Of {arguments.windows}"
        f" windows of {arguments.seconds:g} s the one with most pictures. A server that brings less than"
        f" {GIVEN_OUT:.0%} of them is not tried with more viewers; a line without figures: not all got media."
    )


async def _measure(
    server: Server, viewers: int, stream: Pictures, arguments: argparse.Namespace
) -> list[Report]:
    """Of each window; none when not all viewers could join."""
    reports: list[Report] = []
    try:
        async with loaded(
            server.whip,
            server.whep,
            viewers,
            rooms=arguments.rooms,
            server_pids=server.pids,
            at_once=AT_ONCE,
            stream=stream,
        ) as load:
            await load.warm_up(min(WARM_UP_SECONDS, arguments.seconds))
            for _ in range(arguments.windows):
                reports.append(await load.measure(arguments.seconds, gro=False, all_due=False))
    except* FAILURES as failures:
        print(f"{server.name}: {failures!r}", file=sys.stderr)
    return reports


def _row(server: Server, report: Report) -> tuple[str, ...]:
    cpu, memory = report.cpu_per_packet, report.memory_per_viewer
    share = report.server_share or 0.0
    return (
        server.name,
        f"{report.rooms} x {report.viewers // report.rooms}",
        f"{report.pictures_sent / report.seconds:.1f}",
        f"{report.pictures_each * report.rooms / report.pictures_sent:.0%}",
        f"{report.rate:,.0f}",
        f"{share:.1%}",
        f"{share * 1e3 / report.viewers:.2f}",
        NOTHING if cpu is None else f"{cpu * 1e6:.1f}",
        NOTHING if memory is None else f"{memory / 1000:.0f}",
        *milliseconds(report.delay),
        f"{report.generator_share:.1%}",
    )


@contextlib.asynccontextmanager
async def _roomcast() -> AsyncIterator[Server]:
    async with started(Checkout.ours()) as system:
        yield Server("Roomcast", system.whip, system.whep, tuple(system.processes.values()))


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


@contextlib.asynccontextmanager
async def _other(words: list[str]) -> AsyncIterator[Server]:
    name, whip, whep, pid = words
    yield Server(name, whip, whep, [int(pid)])
