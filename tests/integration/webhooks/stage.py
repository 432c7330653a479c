"""Events as workers tell them, and control processes that deliver them, on a real Valkey."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from control.webhooks.webhooks import Webhooks
from control.workers.redis_watch import RedisWatch
from shared.bus import keys
from shared.events.event_log import EventLog, Told
from shared.messages.events import EventType, RoomEvent, event_id
from shared.settings.settings import Settings, load_settings
from tests.support.waiting import eventually
from tests.support.webhook_receiver import SECRET

IN_TIME = 30.0  # a busy machine


def event(
    room: str, broadcast: str, number: int, type_: EventType | None = None, worker: str = "w1"
) -> RoomEvent:
    return RoomEvent(
        id=event_id(broadcast, number),
        type=type_ or (EventType.ROOM_STARTED if number == 1 else EventType.PUBLISHER_AWAY),
        room=room,
        at=1_795_696_190.25,
        worker=worker,
        broadcast=broadcast,
        number=number,
    )


class Teller:
    """Tells the events of rooms, one after another."""

    def __init__(self, redis: Redis) -> None:
        self._log = EventLog(redis)
        self._numbers: dict[str, int] = {}
        self.told: list[RoomEvent] = []

    async def tell(self, *rooms: str) -> None:
        """The next event of each of these rooms."""
        events = []
        for room in rooms:
            number = self._numbers[room] = self._numbers.get(room, 0) + 1
            events.append(event(room, f"p1-{room}", number))
        assert await self._log.tell(events) is not Told.UNKNOWN
        self.told += events

    def ids(self, room: str) -> list[str]:
        return [one.id for one in self.told if one.room == room]


async def wanted(redis: Redis) -> None:
    await eventually("events are wanted", lambda: redis.exists(keys.EVENTS_WANTED), IN_TIME)


def webhook_settings(redis_url: str, urls: Sequence[str], **more: Any) -> Settings:
    return load_settings(
        redis_url=redis_url,
        webhook_urls=",".join(urls),
        webhook_secrets=SECRET,
        webhook_allowed_networks="127.0.0.0/8",
        **more,
    )


class Control:
    """The part of a control process that delivers; `kill` leaves everything as it is."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self.registry = CollectorRegistry()
        self.watch = RedisWatch(redis)
        self.webhooks = Webhooks(settings, redis, self.watch, self.registry, lambda: 1_795_696_200.0)
        self._task = asyncio.create_task(self.webhooks.run())

    def figure(self, name: str, receiver: str = "127.0.0.1") -> float | None:
        return self.registry.get_sample_value(name, {"receiver": receiver})

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


@asynccontextmanager
async def control(settings: Settings, redis: Redis) -> AsyncIterator[Control]:
    """One that has made all that workers need."""
    process = Control(settings, redis)
    try:
        await wanted(redis)
        yield process
    finally:
        await process.stop()
