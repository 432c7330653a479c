"""A process that may open no more files: the port rests, says so once, and goes on when there are some."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from media.counts import TcpEnd
from media.transport.tcp import EPISODE_SECONDS, TcpLimits, TcpPort
from tests.support.peer import IN_TIME
from tests.support.waiting import eventually
from tests.unit.media.transport.test_tcp import CHECK, serving


async def test_without_files_the_port_rests_and_goes_on_when_there_are_some() -> None:
    async with serving() as server:
        stream = await server.stranger()
        await eventually("it is accepted", lambda: len(server.port) == 1, IN_TIME)
        backlog = socket.create_connection(server.address)
        with no_more_files_than(backlog):
            await eventually("a file is missed", lambda: server.port.stats.refused[TcpEnd.NO_FILES], IN_TIME)
            before = server.port.stats.refused[TcpEnd.NO_FILES]
            for _ in range(100):
                await asyncio.sleep(0)
            assert server.port.stats.refused[TcpEnd.NO_FILES] <= before + 2  # at most once in a look
            stream.send(CHECK)
            await server.hears(stream, CHECK)
        await eventually("it is accepted", lambda: len(server.port) == 2, IN_TIME)
        backlog.close()


async def test_a_turn_in_which_no_listener_gets_a_file_loses_nothing() -> None:
    async with serving(hosts=("127.0.0.1", "127.0.0.2")) as server:
        stream = await server.stranger()
        await eventually("it is accepted", lambda: len(server.port) == 1, IN_TIME)
        stream.send(CHECK)
        backlog = [socket.create_connection(address) for address in server.port.addresses]
        with no_more_files_than(backlog[-1]):
            await server.hears(stream, CHECK)
        await eventually("all are accepted", lambda: len(server.port) == 3, IN_TIME)
        for one in backlog:
            one.close()


@pytest.mark.parametrize(
    ("files", "connections"),
    [(resource.RLIM_INFINITY, 10_000), (100_000, 10_000), (2_256, 2_000), (257, 1), (100, 1)],
)
def test_connections_leave_files_for_the_rest_of_the_process(
    files: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert TcpPort(limits=TcpLimits(of_client=7))._connections.limits == TcpLimits(connections, of_client=7)


@contextlib.contextmanager
def no_more_files_than(last: socket.socket) -> Iterator[None]:
    """The process may open no file beyond this one."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (last.fileno() + 1, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))


async def test_each_episode_is_logged_once() -> None:
    async with serving() as server:
        refused = server.port.stats.refused
        with capture_logs() as logs:
            for episode in (1, 2):
                with socket.socket() as client, no_more_files_than(client):
                    client.connect(server.address)
                    enough = refused[TcpEnd.NO_FILES] + 3
                    await eventually("looks fail", lambda: refused[TcpEnd.NO_FILES] >= enough, IN_TIME)  # noqa: B023
                told = [line for line in logs if "cannot be accepted" in line["event"]]
                assert len(told) == episode
                server.now += EPISODE_SECONDS
