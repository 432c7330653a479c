"""What a stranger may send over HTTP, how much of it is kept, and for how long: a real server on loopback."""

import asyncio
import contextlib
import socket
from collections import deque
from dataclasses import replace
from typing import cast
from unittest.mock import MagicMock

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from shared.http.connections import Connections
from shared.http.protocol import BoundedProtocol
from tests.support.meanwhile import meanwhile
from tests.support.waiting import eventually
from tests.unit.shared.http.http_stage import (
    AT_ONCE,
    CHUNKED,
    CLOSING,
    GET,
    PATIENCE_SECONDS,
    PATIENT,
    POST,
    rest_of,
    serving,
    status_of,
)

# --- how much


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ([b"GET /read HTTP/1.1\r\nX: ", *[b"x" * 65_536] * 1000], 431),  # one field without an end
        ([b"GET /read HTTP/1.1\r\n", *[b"X: y\r\n"] * 102], 431),
        ([b"GET /read HTTP/1.1\r\n", *[b"X: %b\r\n" % (b"y" * 5000)] * 5], 431),
        ([b"GET /", *[b"x" * 4096] * 5], 414),
        ([CHUNKED, b"1\r\nx\r\n0\r\nX: ", *[b"x" * 65_536] * 1000], 400),  # a trailer
        ([CHUNKED, b"1\r\nx\r\n0\r\n", *[b"X: y\r\n"] * 102], 431),
        ([CHUNKED, b"no length\r\n"], 400),
    ],
)
async def test_what_has_no_end_is_refused_and_not_kept(said: list[bytes], status: int) -> None:
    async with serving() as served:
        assert status_of(await served.send(*said)) == status
        await eventually("it is forgotten", lambda: not served.open_connections, PATIENCE_SECONDS)
        assert served.bodies == []


def a_head(fields: int = 1, size: int = 0) -> bytes:
    """A request's head with so many fields, whose names and values have `size` bytes in all."""
    lines = [b"Host: t", b"Connection: close"][:fields]
    lines += [b"X%02d: y" % number for number in range(fields - len(lines))]
    had = sum(len(line) - 2 for line in lines)
    if size:
        lines[-1] += b"y" * (size - had)
    return b"GET /read HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n"


SMALL = replace(PATIENT, head_bytes=2_000, fields=10)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (a_head(fields=10), 200),
        (a_head(fields=11), 431),
        (a_head(fields=5, size=2_000), 200),
        (a_head(fields=5, size=2_001), 431),
        (b"GET /read?%b HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" % (b"x" * 1_994), 200),
        (a_head(fields=5, size=2_000).replace(b"/read", b"/read?" + b"x" * 1_994), 200),
        (b"GET /read?%b HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" % (b"x" * 1_995), 414),
    ],
)
async def test_a_head_may_have_so_much_and_no_more(
    said: bytes, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(SMALL) as served:
        assert status_of(await served.send(said)) == status
        monkeypatch.setattr("shared.http.protocol._SLICE_BYTES", 10)  # as when it comes in small pieces
        assert status_of(await served.send(said)) == status


@pytest.mark.parametrize(
    ("said", "rest", "status"),
    [
        (b"", b"\r\n", 400),
        (b"GET /read HTTP/1.1\r\nX", b"x", 431),
        (b"GET /read HTTP/1.1\r\nHost: t\r\nX: y", b"y", 431),
        (CHUNKED + b"1\r\nx", b"\r\n1;", 400),
    ],
)
async def test_what_the_parser_keeps_to_itself_is_so_much_and_no_more(
    said: bytes, rest: bytes, status: int
) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None: ...

    connections = Connections(SMALL)
    for size in (2_000, 2_001):
        config = uvicorn.Config(app, log_config=None)
        protocol = BoundedProtocol(connections, config=config, server_state=ServerState(), app_state={})
        protocol.connection_made(wire := MagicMock())
        protocol.data_received(said)
        protocol.data_received((rest + rest[-1:] * size)[:size])
        answers = [status_of(call.args[0]) for call in wire.write.call_args_list]
        assert answers == ([] if size == 2_000 else [status])
        protocol.connection_lost(None)
        await asyncio.gather(*protocol.tasks)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /read HTTP/1.1\r\n", 400),
        (b"GET /read HTTP/1.1\r\nHost: a\r\nhost: b\r\n", 400),
        (b"GET /read HTTP/1.0\r\nHost: a\r\nHost: a\r\n", 400),
        (b"GET /read HTTP/1.0\r\n", 200),  # as balancers ask for health
        (b"GET /read HTTP/1.1\r\nHOST: a\r\n", 200),
    ],
)
async def test_a_request_is_for_one_host(head: bytes, status: int) -> None:
    async with serving() as served:
        said = await served.send(head + b"\r\n", CLOSING.replace(b"GET", b"HEAD"))
    assert said.split()[1] == b"%d" % status


async def test_each_request_of_a_connection_has_its_own_limits() -> None:
    async with serving(SMALL) as served:
        head = a_head(fields=10, size=2_000).replace(b"Connection: close", b"Connection: keepo")
        reader, writer = await served.connect()
        for _ in range(3):
            writer.write(head)
            assert (await reader.readuntil(b"read")).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_a_body_that_is_read_may_be_longer_than_a_head() -> None:
    """What the parser reports is no silence: only what has no end is."""
    async with serving(SMALL) as served:
        body = b"1\r\nx\r\n" * 5_000 + b"0\r\n\r\n"
        said = await served.send(CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
        assert status_of(said) == 200
        assert served.bodies == [b"x" * 5_000]


async def test_a_refusal_is_json_that_says_why_and_ends_the_connection() -> None:
    async with serving(SMALL) as served:
        head, _, body = (await served.send(a_head(fields=11))).partition(b"\r\n\r\n")
        assert body == b'{"error":"request header fields too large"}'
        assert b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body) in head
        assert b"connection: close" in head


async def test_who_is_refused_has_time_to_read_why() -> None:
    """A connection that is closed with unread data is reset, and the answer may be lost."""
    async with serving(replace(SMALL, unread_seconds=60.0)) as served:
        reader, writer = await served.connect()
        writer.write(a_head(fields=11) + b"x" * 1000)
        assert status_of(await reader.read()) == 431
        for _ in range(5):  # looks for overdue connections
            await asyncio.sleep(SMALL.look_seconds)
            assert served.open_connections == 1
        writer.close()
        await eventually("it is forgotten", lambda: not served.open_connections, PATIENCE_SECONDS)


async def test_a_head_and_a_body_in_one_write_are_as_good_as_in_many() -> None:
    async with serving() as served:
        head = POST + b"".join(b"X%d: %b\r\n" % (i, b"y" * 100) for i in range(90))
        body = b"v" * 400_000
        request = head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        assert status_of(await served.send(request)) == 200
        assert (
            status_of(await served.send(*(request[i : i + 4096] for i in range(0, len(request), 4096))))
            == 200
        )
        assert served.bodies == [body, body]


async def test_a_trailer_is_no_header() -> None:
    async with serving() as served:
        said = await served.send(
            CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\nX-Evil: 1\r\n\r\n")
        )
        assert status_of(said) == 200
        assert served.bodies == [b"x"]
        assert "x-evil" not in served.headers[0]


async def test_one_pipelined_request_is_read_ahead_and_the_rest_is_not_kept() -> None:
    async with serving() as served:
        said = await served.send(GET * 10_000)
        assert said.count(b"HTTP/1.1 200 ") == 2
        assert said.count(b"connection: close") == 1
        assert len(served.bodies) == 2


async def test_what_was_pipelined_is_released_when_the_client_has_left() -> None:
    async with serving() as served:
        _, writer = await served.connect()
        writer.write(POST.replace(b"/read", b"/hold") + b"Content-Length: 0\r\n\r\n")
        writer.write(
            POST + b"X-Padding: %s\r\nContent-Length: 40000\r\n\r\n" % (b"x" * 8_000) + bytes(40_000)
        )

        def protocol() -> BoundedProtocol | None:
            connections = [one for one in served.server.server_state.connections if one.pipeline]  # type: ignore[union-attr]
            return cast(BoundedProtocol, connections[0]) if connections else None

        held = await eventually("the second request is read", protocol, PATIENCE_SECONDS)
        cycle, _ = held.pipeline[0]
        await eventually("its body, too", lambda: len(cycle.body) == 40_000, PATIENCE_SECONDS)
        held.cut()
        await eventually("it is gone", lambda: not served.open_connections, PATIENCE_SECONDS)
        assert (held.pipeline, cycle.body, cycle.scope["headers"], held.headers) == (deque(), b"", [], [])
        writer.close()


async def test_an_upgrade_is_answered_as_a_request_and_ends_the_connection() -> None:
    async with serving() as served:
        said = await served.send(
            GET[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + b"PRI * HTTP/2.0\r\n\r\n"
        )
        assert status_of(said) == 200
        assert b"connection: close" in said


@pytest.mark.parametrize(("size", "answers"), [(1_000, 2), (1_001, 1)])
async def test_of_a_body_that_nobody_reads_so_much_may_come_and_no_more(size: int, answers: int) -> None:
    async with serving(replace(PATIENT, unread_bytes=1_000)) as served:
        reader, writer = await served.connect()
        writer.write(b"POST /refuse HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % size)
        said = await reader.readuntil(b"no")
        writer.write(b"x" * size + CLOSING)
        assert (said + await rest_of(reader, writer)).count(b"HTTP/1.1") == answers


async def test_what_came_behind_too_much_of_a_body_is_no_request() -> None:
    async with serving(replace(PATIENT, unread_bytes=1_000)) as served:
        reader, writer = await served.connect()
        writer.write(b"POST /refuse HTTP/1.1\r\nHost: test\r\nContent-Length: 40000\r\n\r\n")
        await reader.readuntil(b"no")
        writer.write(b"x" * 40_000 + GET)
        await rest_of(reader, writer)
        await eventually("it is forgotten", lambda: not served.open_connections, PATIENCE_SECONDS)
        assert served.headers == []


# --- how long


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"", 0),
        (b"\r\n\r\n", 0),
        (b"G", 408),
        (b"GET /read HTTP/1.1\r\nX: y\r\n", 408),
        (POST + b"Content-Length: 10\r\n\r\n12345", 408),
        (CHUNKED + b"5\r\n12345\r\n", 408),
        (GET + b"G", 200),  # then the second one is overdue
    ],
)
async def test_who_does_not_finish_is_not_waited_for(said: bytes, status: int) -> None:
    async with serving(AT_ONCE) as served:
        answer = await served.send(said)
        assert (status_of(answer) if answer else 0) == status
        await eventually("it is forgotten", lambda: not served.open_connections, PATIENCE_SECONDS)


async def test_one_byte_at_a_time_buys_no_time() -> None:
    async with serving(AT_ONCE) as served:
        reader, writer = await served.connect()

        async def trickle() -> None:
            with contextlib.suppress(ConnectionError):
                for byte in b"GET /read HTTP/1.1\r\nX: " + b"x" * 10_000:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.01)

        async with meanwhile(trickle()):
            assert status_of(await rest_of(reader, writer)) == 408


async def test_an_answer_may_take_any_time() -> None:
    async with serving(replace(AT_ONCE, head_seconds=0.05)) as served:
        reader, writer = await served.connect()
        writer.write(b"GET /stream HTTP/1.1\r\nHost: test\r\n\r\n" + POST + b"Content-Length: 9\r\n\r\n12")
        loop = asyncio.get_running_loop()
        until = loop.time() + 0.5
        while loop.time() < until:
            assert await asyncio.wait_for(reader.read(65_536), PATIENCE_SECONDS)
        writer.close()


async def test_who_does_not_read_an_answer_loses_it() -> None:
    async with serving(stall_seconds=0.3) as served:
        with socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(served.address)
            reader.sendall(b"GET /stream HTTP/1.1\r\nHost: test\r\n\r\n")
            await eventually("it is taken", lambda: served.open_connections == 1, PATIENCE_SECONDS)
            await eventually("it is ended", lambda: not served.open_connections, PATIENCE_SECONDS)


async def test_half_an_answer_ends_its_connection_though_nobody_reads_it() -> None:
    async with serving() as served:
        with socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(served.address)
            reader.sendall(b"GET /half HTTP/1.1\r\nHost: test\r\n\r\n")
            await eventually("it is taken", lambda: len(served.headers) == 1, PATIENCE_SECONDS)
            await eventually("it is ended", lambda: not served.open_connections, PATIENCE_SECONDS)


async def test_what_still_runs_after_its_answer_cuts_no_later_answer() -> None:
    async with serving() as served:
        said = await served.send(GET.replace(b"/read", b"/late"), CLOSING.replace(b"/read", b"/outlasts"))
    assert said.endswith(b"\r\n\r\n1\r\nx\r\n1\r\ny\r\n0\r\n\r\n")


async def test_a_connection_may_go_on_for_many_requests() -> None:
    async with serving(replace(PATIENT, head_seconds=0.5, look_seconds=0.02)) as served:
        reader, writer = await served.connect()
        await asyncio.sleep(3 * PATIENT.look_seconds)  # it may begin late, too
        for _ in range(20):
            writer.write(POST + b"Content-Length: 3\r\n\r\nv=0")
            assert (await reader.readuntil(b"read")).startswith(b"HTTP/1.1 200 ")
        writer.close()
        assert served.bodies == [b"v=0"] * 20


async def test_who_leaves_in_the_middle_of_many_answers_leaves_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as served:
        reader, writer = await served.connect()
        writer.write(b"GET /stream HTTP/1.1\r\nHost: test\r\n\r\n" + GET)
        await reader.readuntil(b"x")
        writer.transport.abort()
        await eventually("nothing is left", lambda: not served.server.server_state.tasks, PATIENCE_SECONDS)
    assert not caplog.records


@pytest.mark.parametrize("more", [b"this is no HTTP\r\n\r\n", CHUNKED + b"no length\r\n"])
async def test_nothing_is_said_in_the_middle_of_an_answer(more: bytes) -> None:
    async with serving() as served:
        said = await served.send(b"GET /stream HTTP/1.1\r\nHost: test\r\n\r\n", more)
        assert said.count(b"HTTP/1.1") <= 1
        assert b"invalid request" not in said


@pytest.mark.parametrize("path", [b"/read", b"/hold"])
async def test_a_request_that_was_refused_ends_and_has_no_other_answer(
    path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(replace(AT_ONCE, unread_seconds=60.0)) as served:
        reader, writer = await served.connect()
        writer.write(POST.replace(b"/read", path) + b"Content-Length: 9\r\n\r\n12")
        assert status_of(await reader.read()) == 408
        served.holds = False
        await eventually("it ends", lambda: not served.server.server_state.tasks, PATIENCE_SECONDS)
        writer.close()
    assert not caplog.records


async def test_the_body_of_a_client_that_has_gone_is_kept_by_nobody() -> None:
    async with serving() as served:
        _, writer = await served.connect()
        head = b"POST /hold HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n"
        writer.write(head + bytes(50_000))

        def bodies() -> list[bytearray]:
            open_now = served.server.server_state.connections
            return [cycle.body for protocol in open_now for cycle in protocol._cycles if cycle.body]

        await eventually("it has a body", bodies, PATIENCE_SECONDS)
        (protocol,) = served.server.server_state.connections
        writer.transport.abort()
        await eventually("it is gone", lambda: not served.open_connections, PATIENCE_SECONDS)
        assert not any(cycle.body for cycle in protocol._cycles)
