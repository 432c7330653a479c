"""No spelling of a metrics path gets past a proxy. Behind each is a server that would answer it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.integration.deploy import proxies
from tests.support.free_ports import free_port

Ask = Callable[[str], Awaitable[tuple[str, str]]]
HEAD = "Host: live.test\r\nConnection: close\r\n\r\n"
REFUSALS = {"400", "403", "404"}
METRICS = [
    "/metrics",
    "/metrics?x",
    "/metrics;x",
    "/metrics/",
    "/metrics#x",
    "/%6detrics",
    "/%6Detrics",
    "/%6d%65%74%72%69%63%73",
    "/%2fmetrics",
    "/metrics%0a",
    "/metrics%00",
    "/metrics%zz",
    "/METRICS",
    "//metrics",
    "/./metrics",
    "/%2e/metrics",
    "/x/../metrics",
    "/x/%2e%2e/metrics",
    "/x%2f..%2fmetrics",
    "/api/metrics/targets",
    "/api/%6detrics/targets",
    "/%61pi/metrics/targets",
    "/api%2fmetrics%2ftargets",
    "/api//metrics/targets",
    "/api/./metrics/targets",
    "/api/metrics/%74argets",
    "/api/metrics/targets%0A",
    "/api/metrics//targets",
    "/api/metrics/x/../targets",
    "http://live.test/metrics",
    "http://live.test/%6detrics",
]
OF_THE_PREFIX = [
    "/%6cive/metrics",
    "/live%2fmetrics",
    "//live/metrics",
    "/x/../live/metrics",
    "/live/live/metrics",
]
HONEST = [
    "/",
    "/healthz",
    "/api/rooms?detail=true",
    "/api/rooms/metrics",
    "/api/whip/publish/metrics",
    "/api/whep/play/demo/w1.abc/events/xyz",
    "/watch/metrics",
    "/watch/metrics?next=//x/../metrics",
    "/watch/caf%C3%A9",
    "/static/js/home.js",
    "/records/demo_video0_1710123456.ivf",
]


@pytest.mark.parametrize("proxy", [proxies.haproxy, proxies.nginx, proxies.caddy])
@pytest.mark.parametrize("prefix", ["", "/live"], ids=["at the root", "below a prefix"])
async def test_metrics_are_refused_however_their_path_is_written(
    proxy: Callable[..., list[str]], prefix: str, tmp_path: Path
) -> None:
    async with behind(proxy, bool(prefix), tmp_path) as ask:
        for path in METRICS:
            status, passed = await ask(path)
            assert status in REFUSALS, f"{path} was passed on as {passed}"
        for path in HONEST:
            assert await ask(f"{prefix}{path}") == ("200", path)
        if prefix:
            for path in [*(prefix + path for path in METRICS if path.startswith("/")), *OF_THE_PREFIX]:
                status, passed = await ask(path)
                arrived = unquote(passed).lower()
                assert status in REFUSALS or not arrived.startswith(("/metrics", "/api/metrics")), path


@pytest.mark.parametrize("proxy", [proxies.haproxy, proxies.nginx, proxies.caddy])
@pytest.mark.parametrize("tls", [False, True], ids=["HTTP", "HTTPS"])
async def test_browsers_are_told_to_keep_to_https(
    proxy: Callable[..., list[str]], tls: bool, tmp_path: Path
) -> None:
    port = free_port()
    scheme, header = ("https", "max-age=31536000") if tls else ("http", None)
    async with (
        echoing_control() as control,
        proxies.running(
            proxy([control, control], port, tmp_path, tls=tls), port, tmp_path / "log", scheme
        ) as http,
    ):
        for path in ("/", "/metrics"):
            assert (await http.get(path)).headers.get("Strict-Transport-Security") == header


@contextlib.asynccontextmanager
async def behind(proxy: Callable[..., list[str]], prefix: bool, folder: Path) -> AsyncIterator[Ask]:
    """Gives what asks the proxy for a path, byte for byte: the status, and the path as control got it."""
    port = free_port()

    async def ask(target: str) -> tuple[str, str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {target} HTTP/1.1\r\n{HEAD}".encode())
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        return head.split()[1], body

    async with echoing_control() as control:
        command = proxy([control, control], port, folder, prefix)
        async with proxies.running(command, port, folder / "log"):
            yield ask


@contextlib.asynccontextmanager
async def echoing_control() -> AsyncIterator[str]:
    """The host:port of a control process that answers any path with 200 and the path."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(path) + path)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
