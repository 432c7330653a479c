"""Server-sent events to viewers, through any control process, as long as their session lives."""

from contextlib import AsyncExitStack
from dataclasses import replace

import httpx
import pytest
from redis.asyncio import Redis

from control.events import streams, viewer_streams
from control.events.stream_names import MAX_NAMES
from control.events.viewer_streams import MAX_STREAMS_OF_SESSION
from control.events.viewer_text import RELATION
from shared.messages.sessions import FindSessions, Living
from tests.integration.control.conftest import Stage
from tests.integration.control.heard import listening
from tests.integration.control.row import SDP, WHEP
from tests.integration.control.scripted_worker import ScriptedWorker
from tests.support.offers import PLAY_OFFER
from tests.support.own_valkey import OwnValkey
from tests.support.waiting import eventually

IN_TIME = 10.0


async def played(http: httpx.AsyncClient, room: str = "demo") -> str:
    """The URL of the events of a new viewer."""
    response = await http.post(f"{WHEP}/{room}", content=PLAY_OFFER, headers=SDP)
    assert response.status_code == 201, response.text
    link = next(link for link in response.headers.get_list("link") if RELATION in link)
    assert link.endswith('; events="active,delay,inactive,layers,message,reconnect,viewercount"')
    url = link[1 : link.index(">")]
    assert url == response.headers["Location"] + "/events"
    return url


async def subscribed(http: httpx.AsyncClient, events_url: str, *wanted: str) -> str:
    body = {"json": wanted} if wanted else {}
    response = await http.post(events_url, **body)
    assert response.status_code == 201
    location: str = response.headers["Location"]
    return location


async def change(worker: ScriptedWorker, **changed: object) -> None:
    worker.rooms = tuple(replace(room, **changed) for room in worker.rooms)
    await worker.beat()


async def test_a_viewer_hears_through_another_control_process(stage: Stage) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo", subscribers=1)
    first, second = await stage.control(), await stage.control()
    url = await subscribed(first, await played(first))
    async with listening(second, url) as heard:
        await heard.hears(("active", {}), ("viewercount", {"viewercount": 1}))
        await change(worker, subscribers=2)
        await heard.hears(("viewercount", {"viewercount": 2}))
        await change(worker, has_publisher=False)
        await heard.hears(("inactive", {}))
        await change(worker, has_publisher=True)
        await heard.hears(("active", {}))


async def test_a_stream_ends_with_its_session(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.1)
    worker = await stage.worker()
    await worker.publish_in("demo")
    http = await stage.control()
    url = await subscribed(http, await played(http))
    async with listening(http, url) as heard:
        await heard.hears(("active", {}), ("viewercount", {"viewercount": 0}))
        worker.answers[FindSessions] = Living(sessions=())
        await eventually("the stream ends", lambda: heard.ended, IN_TIME)
    assert (await http.get(url)).status_code == 404


async def test_head_of_a_stream_ends_none(stage: Stage) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo")
    http = await stage.control()
    events_url = await played(http)
    name = await subscribed(http, events_url)
    async with AsyncExitStack() as stack:
        followed = [
            await stack.enter_async_context(listening(http, events_url))
            for _ in range(MAX_STREAMS_OF_SESSION)
        ]
        for url in (events_url, name):
            assert (await http.head(url)).status_code == 200
        assert (await http.delete(name)).status_code == 200
        assert (await http.head(name)).status_code == 404
        await change(worker, subscribers=3)
        for heard in followed:
            await heard.hears(("viewercount", {"viewercount": 3}))


async def test_a_deleted_stream_ends_at_once_and_is_404_in_every_control_process(stage: Stage) -> None:
    await (await stage.worker()).publish_in("demo")
    http, other = await stage.control(), await stage.control()
    events = await played(http)
    kept, deleted = await subscribed(http, events), await subscribed(http, events)
    async with listening(http, deleted) as heard:
        await heard.hears(("active", {}), ("viewercount", {"viewercount": 0}))
        assert (await http.delete(deleted)).status_code == 200
        await eventually("the stream ends", lambda: heard.ended, IN_TIME)
    assert (await http.get(deleted)).status_code == 404
    assert (await other.get(deleted)).status_code == 404
    assert (await other.delete(deleted)).status_code == 404
    async with listening(other, kept) as heard:
        await heard.hears(("active", {}), ("viewercount", {"viewercount": 0}))


async def test_closing_what_nobody_created_leaves_nothing_behind(stage: Stage, redis_url: str) -> None:
    await (await stage.worker()).publish_in("demo")
    http = await stage.control()
    events = await played(http)
    async with Redis.from_url(redis_url) as redis:
        before = set(await redis.keys())
        for n in range(20):
            assert (await http.delete(f"{events}/airv-{n:011}")).status_code == 404
        assert {key for key in await redis.keys() if b":rp" not in key and b":re" not in key} <= before


async def test_a_session_leaves_one_small_key_for_two_minutes(stage: Stage, redis_url: str) -> None:
    await (await stage.worker()).publish_in("demo")
    http = await stage.control()
    events = await played(http)
    created = [await subscribed(http, events) for _ in range(MAX_NAMES + 4)]
    async with Redis.from_url(redis_url) as redis:
        [key] = await redis.keys("roomcast:events:*")
        assert await redis.zcard(key) == MAX_NAMES
        assert 0 < await redis.ttl(key) <= 120
        assert (await http.get(created[3])).status_code == 404  # the newest stay
        for url in created[4:]:
            assert (await http.delete(url)).status_code == 200
        assert not await redis.exists(key)


async def test_a_stream_that_is_followed_stays_alive(
    stage: Stage, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(viewer_streams, "KEEP_EVERY_LOOKS", 2)
    await (await stage.worker()).publish_in("demo")
    http = await stage.control()
    url = await subscribed(http, await played(http))
    async with listening(http, url), Redis.from_url(redis_url) as redis:
        [key] = await redis.keys("roomcast:events:*")
        await redis.expire(key, 50)

        async def kept() -> bool:
            return await redis.ttl(key) > 100

        await eventually("the stream is kept alive", kept, IN_TIME)


async def test_streams_outlive_redis(stage: Stage, own_valkey: OwnValkey) -> None:
    async with ScriptedWorker(own_valkey.url, "w1").running() as worker:
        await worker.publish_in("demo")
        http = await stage.control(redis_url=own_valkey.url)
        url = await subscribed(http, await played(http))
        async with listening(http, url) as heard:
            await heard.hears(("active", {}), ("viewercount", {"viewercount": 0}))
            own_valkey.stop()
            ready = await http.get("/readyz")
            assert ready.status_code == 503
            own_valkey.start()

            async def announced() -> bool:
                try:
                    await change(worker, subscribers=5)
                except Exception:  # whatever redis-py makes of a connection that broke
                    return False
                return True

            await eventually("announced again", announced, IN_TIME)
            await heard.hears(("viewercount", {"viewercount": 5}))
            assert [name for name, _ in heard.events] == ["active", "viewercount", "viewercount"]
