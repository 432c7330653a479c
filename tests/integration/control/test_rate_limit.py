"""The rate limit: a token bucket for each client address, shared by all replicas."""

from typing import Any

import pytest

from control.http.ratelimit import TokenBuckets
from shared.bus import keys
from shared.bus.connection import connect
from tests.integration.control.conftest import Stage
from tests.integration.control.description import description
from tests.integration.control.row import SESSION

SLOW = {"rate_limit_rps": 0.01}  # no refill while a test runs
OF_THE_API = sorted(operation for operation in description().operations() if operation[0].startswith("/api/"))


async def test_a_burst_passes_and_the_next_request_is_429_at_every_replica(stage: Stage) -> None:
    first = await stage.control(**SLOW, rate_limit_burst=3)
    second = await stage.control(**SLOW, rate_limit_burst=3)
    statuses = [(await http.get("/api/rooms")).status_code for http in (first, second, first, second, first)]
    assert statuses == [200, 200, 200, 429, 429]
    response = await second.get("/api/bootstrap")
    assert response.json() == {"error": "too many requests"}
    assert 1 <= int(response.headers["Retry-After"]) <= 100


async def test_without_a_burst_a_second_of_requests_passes_at_once(stage: Stage) -> None:
    http = await stage.control(rate_limit_rps=4)
    statuses = [(await http.get("/api/records")).status_code for _ in range(4)]
    assert statuses == [200] * 4


async def test_everything_below_api_is_limited(stage: Stage) -> None:
    http = await stage.control(**SLOW)
    await http.get("/api/records")
    await http.post("/api/whip/publish/demo")  # offers have a bucket of their own
    for path, method in OF_THE_API:
        response = await http.request(method, path.replace("{", "").replace("}", ""))
        # a preflight that is refused tells its page nothing
        assert response.status_code == (200 if method == "OPTIONS" else 429), (method, path)


async def test_a_preflight_takes_no_token_of_the_request_that_follows(stage: Stage) -> None:
    http = await stage.control(**SLOW, rate_limit_burst=2)
    for path, method in (("/api/rooms", "GET"), ("/api/whep/play/demo", "POST")):
        statuses = []
        for _ in range(3):
            statuses += [(await http.request(each, path)).status_code for each in ("OPTIONS", method)]
        assert statuses[::2] == [200] * 3
        assert [status == 429 for status in statuses[1::2]] == [False, False, True]


@pytest.mark.parametrize("path", ["/api/whip/publish/demo", "/api/whep/play/demo", "/api/whep/play/%64emo"])
async def test_offers_and_other_requests_do_not_take_from_each_other(path: str, stage: Stage) -> None:
    http = await stage.control(**SLOW, rate_limit_burst=2)
    polled = [(await http.get("/api/rooms")).status_code for _ in range(3)]
    offered = [(await http.post(path)).status_code for _ in range(3)]
    assert (polled, offered) == ([200, 200, 429], [415, 415, 429])
    other = await stage.control(**SLOW, rate_limit_burst=2)
    assert (await other.post(f"{path}/{SESSION}/events")).status_code == 429  # it is no offer


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        (SLOW | {"rate_limit_burst": 1, "rate_limit_offers_burst": 3}, 3),
        (SLOW | {"rate_limit_burst": 1, "rate_limit_offers_rps": 2.5}, 3),
        ({"rate_limit_offers_rps": 0.01, "rate_limit_offers_burst": 2}, 2),
    ],
)
async def test_offers_have_a_limit_of_their_own(settings: dict[str, Any], allowed: int, stage: Stage) -> None:
    http = await stage.control(**settings)
    statuses = [(await http.post("/api/whip/publish/demo")).status_code for _ in range(allowed + 1)]
    assert statuses == [415] * allowed + [429]


async def test_only_offers_may_be_limited(stage: Stage) -> None:
    http = await stage.control(rate_limit_offers_rps=0.01)
    assert [(await http.get("/api/rooms")).status_code for _ in range(5)] == [200] * 5


async def test_health_metrics_and_pages_are_not_limited(stage: Stage) -> None:
    http = await stage.control(**SLOW)
    await http.get("/api/records")
    for path in ("/healthz", "/metrics", "/", "/openapi.yaml"):
        assert [(await http.get(path)).status_code for _ in range(3)] == [200] * 3


async def test_behind_a_trusted_proxy_the_client_is_the_forwarded_address(stage: Stage) -> None:
    http = await stage.control(**SLOW, trusted_proxies="127.0.0.0/8")

    async def status(forwarded: str) -> int:
        return (await http.get("/api/records", headers={"X-Forwarded-For": forwarded})).status_code

    clients = ("192.0.2.1", "192.0.2.2", "192.0.2.1", "2001:db8::1", "2001:db8::2")  # the last two: one /64
    assert [await status(client) for client in clients] == [200, 200, 429, 200, 429]


async def test_a_bucket_fills_at_its_rate_up_to_its_burst_and_is_forgotten_when_full(redis_url: str) -> None:
    redis = connect(redis_url)
    buckets = TokenBuckets(redis, rate=2, burst=3)
    key = keys.rate_bucket("192.0.2.1")

    async def pass_time(seconds: float) -> None:
        await redis.hincrbyfloat(key, "at", -seconds * 1e6)

    async def take(times: int) -> list[int]:
        return [await buckets.take("192.0.2.1") for _ in range(times)]

    assert await take(3) == [0, 0, 0]
    (wait,) = await take(1)
    assert 450 <= wait <= 500
    await pass_time(0.5)
    assert [wait > 0 for wait in await take(2)] == [False, True]
    await pass_time(3600)
    assert [wait > 0 for wait in await take(4)] == [False, False, False, True]
    assert 0 < await redis.pttl(key) <= 1500
    await redis.aclose()
