"""Who gets in and who does not, as Prometheus sees it: by client, and by the cause."""

import re

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from shared.bus import keys
from shared.bus.connection import connect
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError, redis_is_new
from shared.messages.signalling import Publish
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import WorkerId
from tests.integration.control.conftest import Stage
from tests.support.free_ports import free_port
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER
from tests.support.tokens import SECRET, signed


async def offer(http: httpx.AsyncClient, token: str = "", of: str = "", role: str = "play") -> int:
    """The status of an offer in a room, of a client as a proxy says it."""
    headers = {"Content-Type": "application/sdp"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if of:
        headers["X-Forwarded-For"] = of
    path, body = ("whep/play", PLAY_OFFER) if role == "play" else ("whip/publish", PUBLISH_OFFER)
    return (await http.post(f"/api/{path}/demo", content=body, headers=headers)).status_code


async def series(http: httpx.AsyncClient, name: str) -> dict[tuple[str, ...], float]:
    """Those that are not 0, by the values of their labels."""
    text = (await http.get("/metrics")).text
    return {
        tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.value
    }


async def causes(http: httpx.AsyncClient) -> dict[str, float]:
    found = await series(http, "roomcast_offers_refused_total")
    return {cause: count for (cause, _), count in found.items()}


async def test_a_client_counts_once_by_its_last_offer(stage: Stage) -> None:
    http = await stage.control(jwt_secret=SECRET, trusted_proxies="127.0.0.1")
    await stage.worker("w1")
    for _ in range(20):
        assert await offer(http, signed("x" * 32), "192.0.2.1") == 401
    assert await offer(http, signed("x" * 32), "192.0.2.2") == 401
    assert await offer(http, signed(), "192.0.2.2", "publish") == 201
    assert await offer(http, signed(), "192.0.2.2") == 201
    assert await series(http, "roomcast_joining_clients") == {
        ("refused", "play"): 1,
        ("answered", "play"): 1,
        ("answered", "publish"): 1,
    }
    assert await causes(http) == {"unauthorized": 21}


async def test_an_empty_room_is_nobody_s_failure(stage: Stage) -> None:
    http = await stage.control()
    await stage.worker("w1")
    assert await offer(http) == 404
    assert await series(http, "roomcast_joining_clients") == {}
    assert await causes(http) == {"no_publisher": 1}


@pytest.mark.parametrize(
    ("setting", "wrong", "cause"),
    [
        ({"auth_url": f"http://127.0.0.1:{free_port()}/"}, "", "callback_away"),
        ({"jwt_jwks_url": f"http://127.0.0.1:{free_port()}/"}, "a key set's", "keys_away"),
        ({}, "", "no_worker"),
    ],
)
async def test_the_causes_of_503_are_told_apart(
    setting: dict[str, str], wrong: str, cause: str, stage: Stage
) -> None:
    http = await stage.control(**setting)
    token = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.AAAA" if wrong else ""
    assert await offer(http, token, role="publish") == 503
    assert await causes(http) == {cause: 1}
    assert await series(http, "roomcast_joining_clients") == {("refused", "publish"): 1}


@pytest.mark.parametrize(
    ("refusal", "cause"),
    [
        (ServiceError(ErrorCode.ROOM_LIMIT), "room_limit"),
        (ServiceError(ErrorCode.WORKER_FULL), "worker_full"),
        (redis_is_new(), "redis_is_new"),
    ],
)
async def test_a_worker_s_causes_are_told_apart(refusal: ServiceError, cause: str, stage: Stage) -> None:
    http = await stage.control()
    worker = await stage.worker("w1")
    worker.answers[Publish] = refusal
    assert await offer(http, role="publish") == 503
    assert await causes(http) == {cause: 1}


async def test_redis_that_is_away_is_a_cause(stage: Stage) -> None:
    http = await stage.control(redis_url=f"redis://127.0.0.1:{free_port()}")
    assert await offer(http) == 503
    assert await causes(http) == {"redis_away": 1}


async def test_an_offer_beyond_the_rate_limit_has_a_route_and_a_cause(stage: Stage) -> None:
    http = await stage.control(rate_limit_rps=0.01, rate_limit_burst=1)
    await offer(http)
    assert await offer(http) == 429
    assert (await causes(http))["rate_limited"] == 1
    counted = await series(http, "roomcast_http_request_seconds_count")
    assert counted["POST", "/api/whep/play/{room}", "429"] == 1


async def test_clients_behind_a_private_proxy_that_is_not_trusted_are_counted_apart(stage: Stage) -> None:
    """Its limits are for all of them together, all the same."""
    http = await stage.control(rate_limit_rps=0.01, rate_limit_burst=1)
    statuses = [await offer(http, of=f"192.0.2.{number}") for number in range(9)]
    assert statuses == [404] + 8 * [429]
    assert await series(http, "roomcast_joining_clients") == {("refused", "play"): 8}
    assert await series(http, "roomcast_offers_of_unknown_proxies_total") == {(): 9}


async def test_the_log_has_the_cause(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    http = await stage.control()
    await offer(http, role="publish")
    assert re.search(r"cause['\"]?[=:] ?['\"]?no_worker", "".join(capfd.readouterr()))


async def test_a_worker_that_falls_silent_is_lost_and_one_that_leaves_is_not(
    stage: Stage, redis_url: str
) -> None:
    http = await stage.control()
    async with connect(redis_url) as redis:
        for name in ("w1", "w2", "w3"):
            directory = Directory(redis)
            status = WorkerStatus(id=WorkerId(name), state=WorkerState.READY, http_url="")
            await directory.beat(status, [])
            if name == "w3":
                await directory.leave(WorkerId(name))
        assert await series(http, "roomcast_workers_lost") == {}
        await fall_silent(redis, WorkerId("w1"))
        assert await series(http, "roomcast_workers_lost") == {(): 1}
        assert await series(http, "roomcast_worker_lost") == {("w1",): 1}


async def fall_silent(redis: Redis, worker: WorkerId) -> None:
    """As if its last heartbeat was six seconds ago."""
    await redis.delete(keys.worker_status(worker))
    await redis.zincrby(keys.WORKERS, -6, worker)


async def test_redis_memory_is_told(stage: Stage) -> None:
    http = await stage.control()
    ((used,), (limit,)) = [
        (await series(http, f"roomcast_redis_memory_{what}")).values() for what in ("bytes", "limit_bytes")
    ]
    assert 100_000 < used < limit
