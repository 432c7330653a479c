"""Servers are asked from the ports themselves, and whoever is silent holds nobody up beyond the deadline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from time import monotonic

import pytest

from media.transport import mapping
from media.transport.mapping import Mapping
from media.transport.stun import BINDING_SUCCESS
from media.transport.stun_client import StunClient, mappings_of
from media.transport.udp import UdpPort
from shared.settings.host_port import HostPort
from tests.support.loopback import LOOPBACKS
from tests.support.runs import JoinedBytes
from tests.support.stun_server import StunServer, mapped, stun_server

IN_TIME = 5.0
SOON = 0.2


@pytest.fixture
async def ports() -> AsyncIterator[list[UdpPort]]:
    """One of each family."""
    ports = [UdpPort(host, 0) for host in LOOPBACKS]
    yield ports
    for port in ports:
        port.close()


@pytest.fixture
async def servers() -> AsyncIterator[list[StunServer]]:
    """Two of each family."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(stun_server(host)) for host in LOOPBACKS * 2]


async def test_each_port_learns_where_it_is_seen(
    ports: list[UdpPort], servers: list[StunServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "RETRY_SECONDS", 2 * IN_TIME)
    began = monotonic()
    found = await mappings_of(ports, [server.at for server in servers], IN_TIME)
    assert found == tuple(Mapping((port.address[:2],) * 2) for port in ports)
    assert monotonic() - began < IN_TIME  # it does not wait when all have answered
    assert {source for server in servers for source in server.requests} == {port.address for port in ports}


async def test_answers_that_come_joined_are_read_one_by_one(
    ports: list[UdpPort], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, taken = StunClient(ports, []), []
    monkeypatch.setattr(client, "take", lambda data, _: taken.append(data))
    answers = JoinedBytes([BINDING_SUCCESS + b"1", b"\x00\x01 a check", BINDING_SUCCESS + b"2"])
    assert not client.turn([(answers, ("192.0.2.1", 3478)), (BINDING_SUCCESS, ("192.0.2.1", 3478))])
    assert taken == [answers[0], answers[2], BINDING_SUCCESS]


async def test_a_name_is_asked_in_every_family_that_it_has(
    ports: list[UdpPort], servers: list[StunServer]
) -> None:
    named = [HostPort("localhost", servers[0].at.port), HostPort("no such host.invalid", 3478)]
    found = await mappings_of(ports[:1], named, IN_TIME)
    assert found == (Mapping((ports[0].address[:2],)),)


async def test_who_is_silent_is_asked_again_until_the_deadline(
    ports: list[UdpPort], servers: list[StunServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "RETRY_SECONDS", SOON / 10)
    servers[-1].sees = lambda _: None
    began = monotonic()
    found = await mappings_of(ports, [server.at for server in servers], SOON)
    assert SOON <= monotonic() - began < IN_TIME
    assert len(servers[-1].requests) > 1
    assert [len(mapping.seen) for mapping in found] == [2] * (len(ports) - 1) + [1]


async def test_only_the_answers_of_this_question_count(
    ports: list[UdpPort], servers: list[StunServer]
) -> None:
    """A stranger who knows no transaction, and an answer to an earlier question that comes late."""
    client = StunClient(ports[:1], [servers[0].at])
    source = servers[0].at.host, servers[0].at.port
    servers[0].sees = lambda _: None
    ports[0].start(client.turn)
    assert await client.ask(SOON) == (Mapping(),)
    assert not client.take(mapped(b"t" * 12, ("203.0.113.66", 1)), source)
    servers[0].sees = lambda _: ("203.0.113.7", 40000)
    assert await client.ask(IN_TIME) == (Mapping((("203.0.113.7", 40000),)),)


async def test_of_a_name_with_many_addresses_the_first_is_asked(
    ports: list[UdpPort], servers: list[StunServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, another = servers[0], servers[len(LOOPBACKS)]

    async def many(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (server.at.host, server.at.port)) for server in (first, another)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", many)
    found = await mappings_of(ports[:1], [HostPort("many.example", 3478)], IN_TIME)
    assert found == (Mapping((ports[0].address[:2],)),)
    assert (len(first.requests), len(another.requests)) == (1, 0)


async def test_a_name_that_cannot_be_resolved_any_more_is_asked_where_it_was(
    ports: list[UdpPort], servers: list[StunServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = StunClient(ports[:1], [HostPort("localhost", servers[0].at.port)])
    ports[0].start(client.turn)
    found = await client.ask(IN_TIME)

    async def away(*_: object, **__: object) -> None:
        raise OSError("no name server")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", away)
    assert await client.ask(IN_TIME) == found == (Mapping((ports[0].address[:2],)),)
