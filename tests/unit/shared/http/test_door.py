"""Connections without an end lock nobody out, with TLS and without: a real server on loopback."""

import asyncio
import contextlib
import errno
import socket
import ssl
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.http import door as module
from shared.http.door import Door
from shared.http.limits import HttpLimits
from shared.http.server import listen
from shared.settings.host_port import HostPort
from tests.support.certificate import new_certificate
from tests.support.waiting import eventually
from tests.unit.shared.http.http_stage import (
    AT_ONCE,
    GET,
    PATIENCE_SECONDS,
    PATIENT,
    rest_of,
    serving,
    status_of,
)


async def test_a_thousand_connections_of_one_byte_lock_nobody_out() -> None:
    async with serving() as served:
        strangers = []
        try:
            for _ in range(1000):
                stranger = socket.create_connection(served.address, PATIENCE_SECONDS)
                stranger.sendall(b"G")
                strangers.append(stranger)
                if len(strangers) % 50 == 0:  # the listener's queue is in the same thread
                    await asyncio.sleep(0)
            async with asyncio.timeout(2):
                reader, writer = await served.connect()
                writer.write(GET)
                assert status_of(await reader.readuntil(b"read")) == 200
                writer.close()
            assert served.open_connections <= PATIENT.waiting_of_client + 1
        finally:
            for stranger in strangers:
                stranger.close()


async def test_a_tls_handshake_that_does_not_end_is_not_waited_for(tmp_path: Path) -> None:
    async with serving(AT_ONCE, new_certificate(tmp_path)) as served:
        for said in (b"", b"\x16\x03\x01", b"this is no TLS\r\n\r\n"):
            assert not (await served.send(said)).startswith(b"HTTP")
        await eventually("they are forgotten", lambda: not served.open_connections, PATIENCE_SECONDS)


async def test_handshakes_that_do_not_end_lock_nobody_out(tmp_path: Path) -> None:
    files = new_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=files[0])
    async with serving(replace(PATIENT, waiting_of_client=5), files) as served:
        strangers = [await served.connect() for _ in range(20)]
        for _ in range(3):  # the request comes with the end of the handshake, or after it
            reader, writer = await served.connect(ssl=trust, server_hostname="localhost")
            writer.write(GET)
            assert status_of(await reader.readuntil(b"read")) == 200
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
        assert served.open_connections <= 5
        for _, writer in strangers:
            writer.close()


async def test_over_tls_a_head_is_bounded_too(tmp_path: Path) -> None:
    files = new_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=files[0])
    async with serving(PATIENT, files) as served:
        reader, writer = await served.connect(ssl=trust, server_hostname="localhost")
        writer.write(b"GET /read HTTP/1.1\r\nX: " + b"x" * 100_000)
        with contextlib.suppress(ssl.SSLError):
            assert status_of(await rest_of(reader, writer)) == 431


class Listener:
    """A socket at which somebody always waits, in a kernel that has no file left if it `is_full`."""

    def __init__(self, listener: socket.socket, is_full: bool) -> None:
        self.fileno, self.is_full = listener.fileno, is_full
        self.asked = self.closed = 0

    def setblocking(self, _: bool) -> None: ...

    def accept(self) -> tuple["Listener", tuple[str, int]]:
        self.asked += 1
        if self.is_full:
            raise OSError(errno.EMFILE, "no file left")
        return self, ("192.0.2.1", 5)

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(("is_full", "at_once"), [(True, 1), (False, 3)])
async def test_after_so_many_or_none_there_is_a_pause_and_who_is_closed_in_it_accepts_nobody(
    is_full: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.02)
    limits = HttpLimits(accept_pause=0.02, accepted_at_once=3)
    connections: Any = SimpleNamespace(limits=limits, admit=lambda *_: False)
    real = listen("HTTP_ADDR", HostPort("127.0.0.1", 0))
    with real, socket.create_connection(real.getsockname(), PATIENCE_SECONDS):
        listener: Any = Listener(real, is_full)
        Door(listener, None, connections, cast(Any, object)).close()
        await asyncio.sleep(0.001)
        assert listener.asked == 0
        door = Door(listener, None, connections, cast(Any, object))
        await asyncio.sleep(0.01)
        assert listener.asked == at_once
        await eventually("it goes on", lambda: listener.asked == 2 * at_once, 10.0, every=0.001)
        door.close()
        await asyncio.sleep(0.04)
    assert (listener.asked, listener.closed) == (2 * at_once, 0 if is_full else 2 * at_once)
