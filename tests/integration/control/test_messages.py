"""Messages to all who watch a room: from any control process, by who may, into the viewers' event streams."""

import asyncio
from contextlib import suppress

import httpx
import pytest
from redis.asyncio import Redis

from control.events import room_messages
from shared.bus import keys
from tests.integration.control.conftest import Stage
from tests.integration.control.heard import listening
from tests.integration.control.test_events import played, subscribed

ADDRESS = "/api/rooms/demo/messages"


async def tell(http: httpx.AsyncClient, message: object, token: str = "") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return (await http.post(ADDRESS, json=message, headers=headers)).status_code


async def test_a_message_reaches_who_watches_the_room_wherever_their_streams_are(stage: Stage) -> None:
    worker = await stage.worker()
    for room in ("demo", "other"):
        await worker.publish_in(room)
    here, there = await stage.control(), await stage.control()
    urls = {
        "here": (here, await subscribed(here, await played(here))),
        "there": (there, await subscribed(here, await played(here), "message")),
        "deaf": (there, await subscribed(here, await played(here), "active")),
        "elsewhere": (there, await subscribed(here, await played(here, "other"))),
    }
    async with (
        listening(*urls["here"]) as one,
        listening(*urls["there"]) as two,
        listening(*urls["deaf"]) as deaf,
        listening(*urls["elsewhere"]) as elsewhere,
    ):
        sent = [{"text": "a\nb\u2028", "number": number} for number in range(3)]
        for message in sent:
            assert await tell(there, message) == 202
        await one.hears(*(("message", message) for message in sent))
        await two.hears(*(("message", message) for message in sent))
        assert not any(event == "message" for one in (deaf, elsewhere) for event, _ in one.events)


async def test_who_may_tell(stage: Stage) -> None:
    await (await stage.worker()).publish_in("demo")
    http = await stage.control(publish_token="streamer", play_token="viewer")
    assert await tell(http, {}, "streamer") == 202
    assert await tell(http, {}, "viewer") == 401


async def test_a_room_takes_so_many_and_no_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_messages, "MESSAGES_A_SECOND", 0.01)
    monkeypatch.setattr(room_messages, "MESSAGES_AT_ONCE", 2)
    await (await stage.worker()).publish_in("demo")
    here, there = await stage.control(), await stage.control()
    statuses = [await tell(http, {}) for http in (here, there, here, there)]
    assert statuses == [202, 202, 429, 429]


async def test_redis_keeps_messages_for_seconds_only(stage: Stage, redis: Redis) -> None:
    await (await stage.worker()).publish_in("demo")
    http = await stage.control()
    assert await tell(http, {}) == 202
    assert 0 < await redis.ttl(keys.MESSAGES) <= room_messages.KEPT_SECONDS
    asked: list[str] = []
    with suppress(TimeoutError):
        async with redis.monitor() as monitor, asyncio.timeout(3 * room_messages.LOOK_SECONDS):
            async for command in monitor.listen():
                asked.append(command["command"])
    assert not [command for command in asked if keys.MESSAGES in command]  # nobody follows a stream
