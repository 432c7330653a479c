"""Control processes over real HTTP, on a real Valkey, with scripted workers behind them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import httpx
import pytest

from control.server import make_server
from shared.http.server import HttpServer, listen
from shared.settings.host_port import HostPort
from shared.settings.settings import load_settings
from tests.integration.control.description import description
from tests.integration.control.scripted_worker import ScriptedWorker
from tests.support.system import SHORT_LIVED

PATIENCE_SECONDS = 20  # for a process to start, stop or answer: it hangs when it takes longer

StartControl = Callable[..., Awaitable[httpx.AsyncClient]]
StartWorker = Callable[..., Awaitable[ScriptedWorker]]


class Stage(NamedTuple):
    """Starts control processes and scripted workers."""

    control: StartControl
    worker: StartWorker


@pytest.fixture
def stage(start_control: StartControl, start_worker: StartWorker) -> Stage:
    return Stage(start_control, start_worker)


async def _check_description(response: httpx.Response) -> None:
    if response.headers.get("content-type", "").partition(";")[0] != "text/event-stream":  # which has no end
        await response.aread()
    description().check(response)


@pytest.fixture
async def start_control(redis_url: str) -> AsyncIterator[StartControl]:
    """Starts a control process with these settings; gives a client of it.

    Whatever it answers, in any test, must be as `openapi.yaml` says.
    """
    servers: list[HttpServer] = []
    serving: list[asyncio.Task[None]] = []
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> httpx.AsyncClient:
            server = make_server(load_settings(**{"redis_url": redis_url} | settings))
            listener = listen("HTTP_ADDR", HostPort("127.0.0.1", 0))
            base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            servers.append(server)
            serving.append(asyncio.create_task(server.serve(sockets=[listener])))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not server.started:
                    assert not serving[-1].done()
                    await asyncio.sleep(0.001)
            http = httpx.AsyncClient(
                base_url=base_url,
                timeout=PATIENCE_SECONDS,
                limits=SHORT_LIVED,
                verify=False,  # to read the certificates of all authorities takes longer than most tests
                event_hooks={"response": [_check_description]},
            )
            return await stack.enter_async_context(http)

        yield start
    for server in servers:
        server.stop()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*serving)


@pytest.fixture
async def start_worker(redis_url: str) -> AsyncIterator[StartWorker]:
    """Starts a scripted worker of this name."""
    async with AsyncExitStack() as stack:

        async def start(name: str = "w1") -> ScriptedWorker:
            return await stack.enter_async_context(ScriptedWorker(redis_url, name).running())

        yield start
