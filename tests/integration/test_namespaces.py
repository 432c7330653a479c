"""Who is in a network namespace reaches a worker over a line only, and HTTP through a door."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.support.line_shape import Shape
from tests.support.namespaces import Namespace, new_namespace
from tests.support.shaped_line import shaped_line
from tests.support.system import LOOPBACK
from tests.support.udp_echo import udp_echo
from tests.support.waiting import eventually


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with new_namespace() as made:
        yield made


async def test_clients_in_a_namespace_reach_the_server_only_over_the_line(namespace: Namespace) -> None:
    loop = asyncio.get_running_loop()
    async with udp_echo(LOOPBACK) as server:
        clients = [namespace.socket(socket.SOCK_DGRAM, (LOOPBACK, 0)) for _ in range(2)]
        with contextlib.ExitStack() as closing:
            for client in clients:
                closing.enter_context(client)
                client.setblocking(False)
            front = namespace.socket(socket.SOCK_DGRAM, server)
            async with shaped_line(server, front=front, down=Shape(delay=0.05)) as line:
                for number, client in enumerate(clients):
                    sent_at = loop.time()
                    await loop.sock_sendto(client, bytes((number,)), server)
                    async with asyncio.timeout(5):
                        assert await loop.sock_recv(client, 10) == bytes((number,))
                    assert loop.time() - sent_at >= 0.05
                line.shape(up=Shape(loss=1.0))
                await loop.sock_sendto(clients[0], b"lost", server)
                await eventually("it is lost", lambda: line.up.lost == 1, within=5)
                assert (line.up.entered, line.down.entered) == (3, 2)
