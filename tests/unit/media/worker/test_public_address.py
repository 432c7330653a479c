"""In the place of `auto` clients are told what STUN servers see; silence is no change."""

import asyncio
import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from media.transport.address import Address, Receive
from media.transport.mapping import Mapping
from media.transport.udp import UdpPort
from media.worker import public_address
from media.worker.public_address import Nat, PublicAddress
from shared.settings.host_port import HostPort
from tests.support.meanwhile import meanwhile
from tests.support.stun_server import stun_server
from tests.support.waiting import eventually

OWN = ["10.0.0.5", "127.0.0.1"]
HERE, ELSEWHERE = ("203.0.113.7", 40000), ("203.0.113.9", 7100)
TWICE = Mapping((HERE, HERE))
SILENCE = Mapping()
IN_TIME = 5.0
SERVERS = [HostPort("192.0.2.1", 3478), HostPort("192.0.2.2", 3478)]


@dataclass
class World:
    """A worker with a port in the wildcard address of IPv4."""

    port: UdpPort
    logs: list[EventDict]
    public: PublicAddress = field(init=False)

    def named(self, *names: str, servers: Sequence[HostPort] = SERVERS) -> PublicAddress:
        self.public = PublicAddress([self.port], names, servers)
        return self.public

    @property
    def number(self) -> int:
        return self.port.address[1]

    def told(self) -> list[tuple[str, int]]:
        return list(self.public.candidates.all)

    def own(self) -> list[tuple[str, int]]:
        return [(ip, self.number) for ip in OWN]

    def lines(self) -> list[tuple[str, str]]:
        """Level and the first words of what was logged since the last call."""
        lines = [(line["log_level"], line["event"].split(":")[0]) for line in self.logs]
        self.logs.clear()
        return lines


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(public_address, "own_addresses", lambda: OWN)
    port = UdpPort("0.0.0.0", 0)
    with capture_logs() as logs:
        yield World(port, logs)
    port.close()


async def test_what_is_found_comes_before_this_hosts_own(world: World) -> None:
    public = world.named("auto")
    assert world.told() == world.own()
    assert public.nats == {"ipv4": Nat.UNKNOWN}
    public.learn([TWICE])
    assert world.told() == [HERE, *world.own()]
    assert public.nats == {"ipv4": Nat.FOUND}
    assert world.lines() == [("info", "public address found")]


async def test_what_is_named_beside_auto_stands_where_it_was_named(world: World) -> None:
    world.named("198.51.100.1", "auto", "10.0.0.5").learn([TWICE])
    assert world.told() == [("198.51.100.1", world.number), HERE, ("10.0.0.5", world.number)]


async def test_a_host_without_a_nat_is_told_once(world: World) -> None:
    world.named("auto").learn([Mapping(((OWN[0], world.number),) * 2)])
    assert world.told() == world.own()


async def test_without_auto_nobody_is_asked(world: World) -> None:
    async with stun_server() as server:
        public = world.named("198.51.100.1", servers=[server.at])
        await public.find()
        await public.keep()
        assert not server.requests
    assert world.told() == [("198.51.100.1", world.number)]
    assert public.nats == {}
    assert not world.lines()


async def test_a_symmetric_nat_is_an_error_that_says_what_to_do(world: World) -> None:
    public = world.named("auto")
    public.learn([Mapping((HERE, (HERE[0], 40001)))])
    (line,) = world.logs
    assert line["log_level"] == "error"
    for word in ("symmetric NAT", "Forward the UDP port", "MEDIA_PUBLIC_IPS", "TURN does not help"):
        assert word in line["event"]
    assert (line["port"], line["seen"]) == (world.number, ["203.0.113.7:40000", "203.0.113.7:40001"])
    assert public.nats == {"ipv4": Nat.SYMMETRIC}
    # where clients get if somebody has forwarded the port
    assert world.told() == [(HERE[0], world.number), *world.own()]


async def test_a_change_is_told_from_then_on(world: World) -> None:
    public = world.named("auto")
    public.learn([TWICE])
    world.lines()
    public.learn([TWICE])
    assert (world.lines(), public.changes) == ([], 0)
    public.learn([Mapping((ELSEWHERE,) * 2)])
    assert world.told() == [ELSEWHERE, *world.own()]
    assert (world.lines(), public.changes) == ([("warning", "public address changed")], 1)
    public.learn([Mapping((ELSEWHERE, HERE))])
    assert world.lines()[0][0] == "error"


async def test_silence_is_told_once_and_changes_nothing(world: World) -> None:
    public = world.named("auto")
    public.learn([TWICE])
    world.lines()
    public.learn([SILENCE])
    public.learn([SILENCE])
    assert world.lines() == [("warning", "no STUN server answers")]
    assert world.told() == [HERE, *world.own()]
    public.learn([TWICE])
    assert world.lines() == [("info", "STUN servers answer again")]
    assert public.changes == 0


async def test_a_server_that_is_away_neither_hides_a_symmetric_nat_nor_a_change(world: World) -> None:
    public = world.named("auto")
    public.learn([Mapping((HERE, ELSEWHERE))])
    world.lines()
    public.learn([Mapping((HERE,))])
    assert (world.lines(), public.nats) == ([], {"ipv4": Nat.SYMMETRIC})
    public.learn([Mapping((("203.0.113.10", 1),))])
    assert world.lines() == [("warning", "public address changed")]
    assert public.nats == {"ipv4": Nat.FOUND}


async def test_nothing_found_at_the_start_is_an_error_and_found_later_is_told(world: World) -> None:
    public = world.named("auto", servers=[])
    await public.find()
    assert world.lines() == [("error", "no STUN server answers")]
    assert world.told() == world.own()
    public.learn([TWICE])
    assert world.told() == [HERE, *world.own()]
    assert world.lines() == [("info", "STUN servers answer again"), ("info", "public address found")]


async def test_it_asks_from_the_port_itself_until_it_is_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_address, "KEEP_ALIVE_SECONDS", 0.01)
    async with stun_server() as server:
        public = world.named("auto", servers=[server.at])
        world.port.start(take_all(public))
        server.sees = lambda _: HERE
        await public.find()
        assert world.told()[0] == HERE
        async with meanwhile(public.keep()):
            await eventually("the mapping is kept alive", lambda: len(server.requests) > 3, IN_TIME)
            server.sees = lambda _: ELSEWHERE
            await eventually("a change is told", lambda: world.told()[0] == ELSEWHERE, IN_TIME)
        assert {source[1] for source in server.requests} == {world.number}


@pytest.mark.parametrize("names", [(), ("auto",)])
async def test_a_new_address_of_this_host_is_told_from_then_on(
    world: World, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    readings: list[list[str]] = [OWN]

    def read() -> list[str]:
        return readings.pop() if len(readings) > 1 else readings[0]

    monkeypatch.setattr(public_address, "KEEP_ALIVE_SECONDS", 0.01)
    monkeypatch.setattr(public_address, "own_addresses", read)
    async with stun_server() as server:
        public = world.named(*names, servers=[server.at])
        world.port.start(take_all(public))
        server.sees = lambda _: HERE
        await public.find()
        before = world.told()
        world.lines()
        readings[:] = [["10.0.0.9", "127.0.0.1"], ["127.0.0.1"], OWN]  # the network is away meanwhile
        async with meanwhile(public.keep()):
            await eventually("the address is told", lambda: world.told() != before, IN_TIME)
    new = [("10.0.0.9", world.number), ("127.0.0.1", world.number)]
    assert world.told() == [*([HERE] if names else []), *new]
    assert world.lines() == [("info", "this host's addresses changed")]


async def test_own_addresses_that_cannot_be_read_are_as_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> list[str]:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(public_address, "KEEP_ALIVE_SECONDS", 0.01)
    async with stun_server() as server:
        public = world.named("auto", servers=[server.at])
        world.port.start(take_all(public))
        server.sees = lambda _: HERE
        monkeypatch.setattr(public_address, "own_addresses", fails)
        keeping = asyncio.create_task(public.keep())
        await eventually("what is found is told", lambda: world.told() == [HERE, *world.own()], IN_TIME)
        keeping.cancel()
        await asyncio.wait([keeping])


def take_all(public: PublicAddress) -> Receive:
    def take(batch: list[tuple[bytes, Address]]) -> bool:
        for data, source in batch:
            public.take(data, source)
        return False

    return take
