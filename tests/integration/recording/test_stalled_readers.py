"""Readers of recordings that stop reading: others get theirs, and in the end they are dropped."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from control.http import long_response
from control.http.long_response import STALL_SECONDS
from control.records import transfers
from shared.http.server import listen
from shared.settings.host_port import HostPort
from tests.integration.control import conftest as control_conftest
from tests.integration.control.conftest import StartControl
from tests.integration.recording import conftest as recording_conftest
from tests.integration.recording.conftest import StartShelf
from tests.support.waiting import eventually

NAME = "red_1.webm"
SIZE = 4 * 1_048_576  # more than all buffers on its way
SENDS = 64 * 1024  # buffer of each socket
STALLED = 100


@pytest.fixture(params=["worker", "here"])
async def recording(
    request: pytest.FixtureRequest,
    start_control: StartControl,
    start_shelf: StartShelf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The URL at control of a recording that a worker has, or control itself.

    Sockets buffer little: there will be many.
    """

    def listen_with_small_buffers(setting: str, address: HostPort) -> socket.socket:
        listener = listen(setting, address)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENDS)  # those that it accepts inherit it
        return listener

    for stage in (control_conftest, recording_conftest):
        monkeypatch.setattr(stage, "listen", listen_with_small_buffers)
    for folder in ("worker", "here"):
        (tmp_path / folder).mkdir()
    with (tmp_path / request.param / NAME).open("wb") as file:
        file.truncate(SIZE)
    await start_shelf("w1", tmp_path / "worker")
    http = await start_control(record_dir=str(tmp_path / "here"), trusted_proxies="127.0.0.1")
    return f"{http.base_url}/records/{NAME}"


@asynccontextmanager
async def stalled(url: str, client: str) -> AsyncIterator[socket.socket]:
    """A reader that has got the beginning of the response, and reads no further."""
    at = httpx.URL(url)
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_connect(sock, (at.host, at.port))
        request = f"GET {at.raw_path.decode()} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {client}\r\n\r\n"
        await loop.sock_sendall(sock, request.encode())
        assert (await loop.sock_recv(sock, 12)).startswith(b"HTTP/1.1 200")
        yield sock


async def is_served(url: str) -> bool:
    """Whether an honest reader gets a part of it within 2 s."""
    headers = {"X-Forwarded-For": "198.51.100.1", "Range": "bytes=0-99999"}
    try:
        async with asyncio.timeout(2.0), httpx.AsyncClient() as http:
            response = await http.get(url, headers=headers)
    except TimeoutError:
        return False
    return (response.status_code, len(response.content)) == (206, 100_000)


async def test_an_honest_reader_gets_a_recording_while_many_have_stopped_reading(recording: str) -> None:
    async with AsyncExitStack() as stack:
        for n in range(STALLED):
            await stack.enter_async_context(stalled(recording, f"192.0.2.{n % 10}"))
        # perhaps not at the first try: the machine is busy with all those
        await eventually("it is served", lambda: is_served(recording), STALL_SECONDS - 5)


@pytest.mark.parametrize(
    ("places", "gives_way", "stall"),
    [(3, 0.05, STALL_SECONDS), (1, 1000, 0.5)],
    ids=["when all are taken", "when they take nothing"],
)
async def test_stalled_readers_lose_their_places(
    recording: str, places: int, gives_way: float, stall: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "MAX_TRANSFERS", places)
    monkeypatch.setattr(transfers, "GIVES_WAY_SECONDS", gives_way)
    monkeypatch.setattr(long_response, "STALL_SECONDS", stall)
    async with AsyncExitStack() as stack:
        for n in range(places):
            await stack.enter_async_context(stalled(recording, f"192.0.2.{n}"))
        await eventually("it is served", lambda: is_served(recording), STALL_SECONDS - 5)
