"""Whatever is in Redis, no request ends with 500, no task dies, and all is well again without it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import make_dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from control.events import streams
from control.workers import every_worker
from shared.bus import keys
from shared.messages.encoding import pack
from shared.names import RoomName, SessionId, WorkerId
from tests.integration.control.conftest import Stage
from tests.integration.control.description import description
from tests.integration.control.row import PARAMETERS, RECORD, SESSION
from tests.integration.control.test_redis_away import ADMIN, ask
from tests.support.waiting import eventually

WORKER = WorkerId("w1")
ROOM = RoomName("demo")
SOON = 20.0  # seconds: a request that hangs never ends
AT_ONCE = 8  # requests: many more would take longer, together, than one of them may wait for Redis
ROUTES = sorted(
    (path, method)
    for path, method in description().operations()
    if path.startswith(("/api/", "/records/", "/readyz", "/metrics"))
)

STATUS: dict[str, Any] = {"id": "w1", "state": "ready", "http_url": "http://w1.test:9100", "rooms": []}
IN_ROOM: dict[str, Any] = {"name": "demo", "has_publisher": True, "tracks": 2, "subscribers": 0}
NAN, INF, HUGE = float("nan"), float("inf"), 1e308
BYTES = [b"", b"\xff\xfe", "…\r\n".encode()]
STATUSES = [
    *BYTES,
    *(b"\xc1", b"x" * 10_000, pack(None), pack([1, [2]]), pack({"id": 5})),
    *(pack(STATUS | {"state": state}) for state in ("of next year", None, 5)),
    *(
        pack(STATUS | {"http_url": url})
        for url in ("", "http://[::1", "//", "http://a:b", "\x00", "http://…")
    ),
    *(pack(STATUS | {"id": id_}) for id_ in ("", "w1\r\n", "../..", "é" * 1000)),
    *(
        pack(STATUS | {name: value})
        for name in ("load", "egress_packets", "egress_bits", "egress_share")
        for value in (NAN, INF, -1, HUGE)
    ),
    *(pack(STATUS | {"state": "draining", "drains_until": value}) for value in (NAN, -INF, HUGE)),
    *(pack(STATUS | {"sessions": value, "viewers": value}) for value in (-1, 2**63, "5", 0.5, None)),
    *(pack(STATUS | {"rooms": rooms}) for rooms in (None, 5, [5], [{}], {"a": 1}, [IN_ROOM, IN_ROOM])),
    *(
        pack(STATUS | {"rooms": [IN_ROOM | {name: value}]})
        for name, values in {
            "name": ("", "\x00\r\n", "é", 5),
            "started_at": (NAN, INF, HUGE, -5.0),
            "codecs": ("VP8", [5], None),
            "origin": ("w1", "nobody", "\r\n"),
            "subscribers": (-1, 2**63),
            "warnings": (["\x00"], [5]),
        }.items()
        for value in values
    ),
]
# keys, and what Redis holds in them
KINDS = {
    "room": (keys.room_claim(ROOM), "text"),
    "requests": (keys.rpc_requests(WORKER), "list"),
    "rate": (keys.rate_bucket("127.0.0.1"), "hash"),
    "rate of offers": (keys.offer_bucket("127.0.0.1"), "hash"),
    "event streams": (keys.event_streams(SessionId(SESSION)), "sorted set"),
    "records key": (keys.RECORDS_KEY, "text"),
    "workers": (keys.WORKERS, "sorted set"),
    "workers that take publishers": (keys.TAKES_PUBLISHERS, "sorted set"),
    "copies of a room": (keys.room_copies(ROOM), "set"),
    "rooms of a worker": (keys.worker_rooms(WORKER), "hash"),
    "changes of rooms": (keys.CHANGES, "stream"),
}


async def lay(redis: Redis, key: str, kind: str, garbage: bytes) -> None:
    match kind:
        case "text":
            await redis.set(key, garbage)
        case "list":
            await redis.rpush(key, garbage)
        case "hash":
            await redis.hset(key, mapping=dict.fromkeys(("tokens", "at", "demo", "@", garbage), garbage))
        case "set":
            await redis.sadd(key, garbage)
        case "sorted set":
            await redis.zadd(key, {garbage: 1e18})
        case "stream":
            for entry in (garbage, pack([1]), pack(["w1", "*", "x:1", {"demo": garbage, "\n": garbage}])):
                await redis.xadd(key, {"c": entry})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(every_worker, "RPC_SECONDS", 0.2)
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.05)


@pytest.fixture
def no_traceback() -> Iterator[None]:
    with capture_logs() as logs:
        yield
    assert [line for line in logs if line.get("exc_info")] == []


Start = Callable[[], Awaitable[httpx.AsyncClient]]


@pytest.fixture
def start(stage: Stage, tmp_path: Path) -> Start:
    async def start() -> httpx.AsyncClient:
        return await stage.control(
            record_enabled=True, record_dir=str(tmp_path), auth_token="", rate_limit_rps=10_000, **ADMIN
        )

    return start


async def ask_all(http: httpx.AsyncClient) -> None:
    """Every route, and none may answer 500."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(path: str, method: str) -> None:
        async with turn, asyncio.timeout(SOON):
            if "/events" in path and method == "GET":  # a stream has no end
                async with http.stream(method, path.format_map(PARAMETERS)) as response:
                    assert response.status_code != 500, path
                return
            response = await ask(http, path, method)
            assert response.status_code != 500, (method, path)

    async with asyncio.TaskGroup() as requests:
        for path, method in ROUTES:
            requests.create_task(one(path, method))


async def all_is_well(http: httpx.AsyncClient) -> None:
    async def published() -> bool:
        return (await ask(http, "/api/whip/publish/{room}", "POST")).status_code in (201, 409)

    await eventually("all is well again", published, SOON)


@pytest.mark.usefixtures("no_traceback")
@pytest.mark.parametrize("kind", KINDS)
async def test_garbage_in_a_key_is_nobody_s_500(kind: str, start: Start, stage: Stage, redis: Redis) -> None:
    http = await start()
    worker = await stage.worker()
    await worker.publish_in("demo")
    key, held = KINDS[kind]
    await lay(redis, key, held, b"\xff\xfe\r\n")
    await ask_all(http)
    async with redis.pipeline() as at_once:  # a worker may write that key in between
        at_once.delete(key)
        at_once.rpush(key, "x") if held != "list" else at_once.set(key, "x")
        await at_once.execute()
    await ask_all(http)
    await redis.delete(key)
    await worker.beat()
    await all_is_well(http)


@pytest.mark.usefixtures("no_traceback")
async def test_garbage_in_heartbeats_is_nobody_s_500(start: Start, stage: Stage, redis: Redis) -> None:
    http = await start()
    await (await stage.worker()).publish_in("demo")
    for number, garbage in enumerate(STATUSES):
        await redis.zadd(keys.WORKERS, {f"g{number}": 1e18})
        await redis.set(keys.worker_status(WorkerId(f"g{number}")), garbage)
    await redis.zadd(keys.WORKERS, {"list": 1e18})
    await redis.rpush(keys.worker_status(WorkerId("list")), "x")
    await ask_all(http)
    await all_is_well(http)


def reply(**fields: Any) -> Any:
    return make_dataclass("Reply", fields)(**fields)


REPLIES = [
    reply(),
    reply(session="w1.A"),
    reply(session="w1.A", sdp="v=0", etag='"\r\nX: y'),
    reply(session="w1.…", sdp="v=0", etag="e"),
    reply(sessions="many", reason=5),
    reply(sessions=5),
    reply(sessions=[{"id": 5}], total=NAN),
    reply(state="of next year", until=1.0),
    *(reply(state="draining", until=until) for until in (NAN, HUGE)),
    *(reply(url=url, existed=True) for url in ("", "http://[::1", "gopher://x")),
    *(
        reply(records=[record])
        for record in [("a", 1), (RECORD, 1, NAN), (RECORD, 1, HUGE), ("../x", 1, 1.0)]
    ),
]


@pytest.mark.usefixtures("no_traceback")
async def test_garbage_in_a_worker_s_replies_is_nobody_s_500(start: Start, stage: Stage) -> None:
    http = await start()
    worker = await stage.worker()
    await worker.publish_in("demo")
    for garbage in REPLIES:
        worker.say_always(garbage)
        await ask_all(http)
    worker.answers.clear()
    await all_is_well(http)
