"""HAProxy, nginx and Caddy with the configurations of deploy/, before two real control processes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests.integration.control.conftest import StartControl, StartWorker, start_control, start_worker
from tests.integration.control.heard import listening
from tests.integration.control.test_events import change, played, subscribed
from tests.integration.deploy import proxies
from tests.integration.deploy.files import checked
from tests.support.free_ports import free_port
from tests.support.offers import PUBLISH_OFFER, post_offer
from tests.support.waiting import eventually

__all__ = ["start_control", "start_worker"]  # fixtures

Proxy = Callable[..., list[str]]
StartProxied = Callable[..., Awaitable[httpx.AsyncClient]]
PROXIES = [proxies.haproxy, proxies.nginx, proxies.caddy]
CHECKS = {"haproxy": ["-c"], "nginx": ["-t"], "caddy": []}
IN_TIME = 10.0
PATIENCE_SECONDS = 2
LEFT_OUT_SECONDS = 2  # for which a proxy leaves out whom it could not reach
FORGED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Prefix": "/evil", "X-Request-Id": "forged"}


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("prefix", [False, True], ids=["at the root", "below a prefix"])
def test_the_proxy_accepts_its_configuration(proxy: Proxy, prefix: bool, tmp_path: Path) -> None:
    command = proxy(["127.0.0.1:1", "127.0.0.1:2"], 1, tmp_path, prefix)
    if command[0] == "caddy":
        command[1] = "validate"
    said = checked(command[0], *CHECKS[command[0]], *command[1:])
    assert "warn" not in said.lower(), said


@pytest.fixture(params=PROXIES, ids=lambda proxy: proxy.__name__)
async def proxied(
    request: pytest.FixtureRequest, start_control: StartControl, tmp_path: Path
) -> AsyncIterator[StartProxied]:
    """Starts the proxy before two control processes of these settings; gives a client of it."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            prefix: bool = False,
            patience: int = proxies.PATIENCE_SECONDS,
            away: bool = False,
            **settings: object,
        ) -> httpx.AsyncClient:
            """`away`: nobody listens where the first control process should be."""
            controls = [await start_control(trusted_proxies="127.0.0.1", **settings) for _ in range(2 - away)]
            port = free_port()
            addresses = ["127.0.0.1:1"] * away + [http.base_url.netloc.decode() for http in controls]
            command = request.param(addresses, port, tmp_path, prefix, patience=patience)
            return await stack.enter_async_context(proxies.running(command, port, tmp_path / "log"))

        yield start


async def ready(http: httpx.AsyncClient) -> None:
    async def twice() -> bool:  # both replicas answered, unless the proxy has left one out
        return all([(await http.get("/readyz")).is_success for _ in range(2)])

    await eventually("the replicas are ready", twice, IN_TIME)


async def test_its_logs_hold_no_credential(
    proxied: StartProxied, start_worker: StartWorker, tmp_path: Path
) -> None:
    """Nor do their messages about a request that they refuse."""
    await start_worker("w1")
    http = await proxied(jwt_secret="a-secret-of-at-least-thirty-two-bytes", auth_token="a-global-token")
    bearer = {"Authorization": "Bearer a-global-token"}
    answer = await http.post(
        "/api/whip/publish/demo", content=PUBLISH_OFFER, headers=bearer | {"Content-Type": "application/sdp"}
    )
    session = answer.headers["Location"]
    secret = session.rpartition(".")[2]
    for url in (session, session.replace(".", "%2E"), f"{session}/events", f"/{session}"):
        await http.get(url, headers={"X-Auth-Token": "a-global-token"})
    await http.get(f"/api/admin/sessions/{session.rpartition('/')[2]}", headers=bearer)
    await http.get("/records/demo_1.webm?signature=a-signature", headers={"Referer": f"http://x{session}"})
    with contextlib.suppress(httpx.TransportError):  # it may close before it has read all
        # on a connection of its own: a proxy may hold the next request back until the rest is gone
        await http.patch(session, content=bytes(5 << 20), headers=bearer | {"Connection": "close"})
    assert (await http.delete(session)).status_code == 200

    def logged() -> str:
        return "".join(file.read_text() for file in tmp_path.rglob("*log"))

    await eventually("requests are logged", lambda: "/api/whip/publish" in logged(), IN_TIME)
    said = logged()
    for credential in (secret, "a-signature", "a-global-token"):
        assert credential not in said


async def test_what_only_a_proxy_may_say_is_not_taken_from_a_client(
    proxied, start_worker: StartWorker
) -> None:
    await start_worker("w1")
    http = await proxied(rate_limit_rps=0.001, rate_limit_burst=2)
    answer = await http.post(
        "/api/whip/publish/demo", content=PUBLISH_OFFER, headers={"Content-Type": "application/sdp", **FORGED}
    )
    assert answer.headers["Location"].startswith("/api/whip/")
    assert answer.headers["X-Request-Id"] != "forged"
    await ready(http)  # if the machine stalls for a second, Redis seems to be away
    # it is one client, whatever address it claims and whichever replica it reaches
    statuses = [
        (await http.get("/api/rooms", headers={"X-Forwarded-For": f"203.0.113.{n}"})).status_code
        for n in range(4)
    ]
    assert statuses == [200, 200, 429, 429]


async def test_clients_publish_through_it_below_a_path_prefix(
    proxied: StartProxied, start_worker: StartWorker
) -> None:
    await start_worker("w1")
    http = await proxied(prefix=True)
    answer = await post_offer(http, "/live/api/whip/publish/demo", PUBLISH_OFFER)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"].startswith("/live/api/whip/publish/demo/")
    for _ in range(4):  # both replicas can serve the session
        assert (await http.get(answer.headers["Location"])).status_code == 204
    assert (await http.delete(answer.headers["Location"])).status_code == 200


@pytest.mark.parametrize("prefix", [False, True], ids=["at the root", "below a prefix"])
async def test_a_balancer_that_checks_by_http_1_0_need_not_name_the_host(
    proxied: StartProxied, start_worker: StartWorker, prefix: bool
) -> None:
    await start_worker("w1")
    http = await proxied(prefix=prefix)
    await ready(http)
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write(b"GET %s/readyz HTTP/1.0\r\n\r\n" % (b"/live" if prefix else b""))
    async with asyncio.timeout(IN_TIME):
        status = await reader.readline()
    writer.close()
    assert b" 200 " in status


async def test_the_other_control_process_gets_all_requests_while_one_is_away(proxied: StartProxied) -> None:
    """Also those with a body, and also once the proxy believes that the lost one may be back."""
    http = await proxied(away=True, rate_limit_rps=1000, rate_limit_burst=1000)

    async def refused() -> list[int]:
        """By control, in its own words: it has no worker, and knows no such session."""
        post = await post_offer(http, "/api/whip/publish/demo", PUBLISH_OFFER)
        patch = await http.patch("/api/whip/publish/demo/nobody", content=PUBLISH_OFFER)
        return [answer.status_code for answer in (post, patch) if '"error"' in answer.text]

    async def noticed() -> bool:
        return [await refused() for _ in range(6)] == 6 * [[503, 404]]

    await eventually("the proxy knows who is away", noticed, IN_TIME)
    until = time.monotonic() + 2 * LEFT_OUT_SECONDS
    while time.monotonic() < until:
        assert await refused() == [503, 404]


async def test_caddy_leaves_out_nobody_for_a_request_that_another_one_lost(
    start_control: StartControl, tmp_path: Path
) -> None:
    """Debian's counts the second try of a request with a body as a failure of the one that is well."""

    async def well(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    lost = await asyncio.start_server(well, "127.0.0.1")
    there = await start_control(trusted_proxies="127.0.0.1")
    addresses = [f"127.0.0.1:{lost.sockets[0].getsockname()[1]}", there.base_url.netloc.decode()]
    port = free_port()
    async with proxies.running(proxies.caddy(addresses, port, tmp_path), port, tmp_path / "log") as http:
        lost.close()
        answers = [await post_offer(http, "/api/whip/publish/demo", PUBLISH_OFFER) for _ in range(20)]
    assert all('"error"' in answer.text for answer in answers if answer.status_code == 503)


async def test_events_come_at_once_and_may_be_rare(proxied: StartProxied, start_worker: StartWorker) -> None:
    """The stream is silent for longer than the proxy waits for other answers."""
    worker = await start_worker("w1")
    await worker.publish_in("demo", subscribers=1)
    http = await proxied(patience=PATIENCE_SECONDS)
    async with (
        listening(http, await subscribed(http, await played(http))) as heard,
        listening(http, "/api/rooms/events?room=demo") as rooms,
    ):
        await heard.hears(("active", {}), ("viewercount", {"viewercount": 1}))
        await eventually("the room is told", lambda: len(rooms.events) == 1, IN_TIME)
        await asyncio.sleep(1.5 * PATIENCE_SECONDS)
        await change(worker, subscribers=2)
        await heard.hears(("viewercount", {"viewercount": 2}))
        await eventually("its viewers are told", lambda: rooms.events[-1][1]["subscribers"] == 2, IN_TIME)
        assert not heard.ended


async def test_metrics_are_not_for_the_world_and_errors_are_controls_own(proxied: StartProxied) -> None:
    """Without a worker no replica is ready. They answer nevertheless."""
    http = await proxied()
    for path in ("/metrics", "/api/metrics/targets"):
        assert (await http.get(path)).status_code == 404
    refused = await post_offer(http, "/api/whip/publish/demo", PUBLISH_OFFER)
    assert (refused.status_code, refused.json()["error"]) == (503, "no media worker available")
    assert refused.headers["Retry-After"]
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    too_large = await post_offer(http, "/api/whip/publish/demo", b"v" * (1 << 20) + b"v")
    assert (too_large.status_code, too_large.json()["error"]) == (413, "request body too large")
