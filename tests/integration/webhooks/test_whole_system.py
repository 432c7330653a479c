"""Webhooks of real workers, delivered by real control processes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.support.http_peer import Publisher, running
from tests.support.offers import PUBLISH_OFFER, post_offer
from tests.support.system import System, running_system
from tests.support.waiting import eventually
from tests.support.webhook_receiver import SECRET, Arrived, WebhookReceiver, webhook_receiver

ROOMS, BROADCASTS = 50, 10  # 1,000 events at least
IN_TIME = 30.0
PATIENCE = 300.0


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with webhook_receiver() as running_receiver:
        yield running_receiver


def settings(receiver: WebhookReceiver, **more: str) -> dict[str, str]:
    return {
        "WEBHOOK_URLS": receiver.url,
        "WEBHOOK_SECRETS": SECRET,
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1/32",
        **more,
    }


async def test_a_broadcast_from_its_start_over_an_absence_to_its_end_and_its_recordings(
    redis_url: str, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    recorded = {"RECORD_ENABLED": "1", "RECORD_DIR": str(tmp_path), "RECORD_FORMATS": "tracks"}
    async with running_system(redis_url, **settings(receiver, **recorded)) as system:
        publisher = Publisher(system.http, lambda: system.whip("demo"))
        async with running(publisher):
            await eventually("it is told", lambda: receiver.types("demo") == ["room.started"], IN_TIME)
            await system.room_live("demo", IN_TIME)
            assert publisher.peer is not None
            publisher.peer.close()  # by DTLS; `Publisher` comes back
            back = ["room.started", "publisher.away", "publisher.back"]
            await eventually("it is back", lambda: receiver.types("demo") == back, IN_TIME)
        await eventually("it is over", lambda: "room.ended" in receiver.types("demo"), IN_TIME)
        await eventually("the file is ready", lambda: "recording.ready" in receiver.types("demo"), IN_TIME)
        assert receiver.of_room("demo")[-1].event["data"]["name"] in [
            file.name for file in tmp_path.iterdir()
        ]
        ended = next(one for one in receiver.of_room("demo") if one.type == "room.ended")
        assert ended.event["data"]["reason"] == "deleted"
        assert ended.event["data"]["number"] == 4


@pytest.mark.soak
@pytest.mark.alone
async def test_a_thousand_events_survive_a_bad_receiver_and_the_death_of_a_worker_and_of_a_control_process(
    redis_url: str, receiver: WebhookReceiver
) -> None:
    receiver.fails = 0.5
    async with running_system(redis_url, controls=2, workers=2, **settings(receiver)) as system:
        rooms = [_Room(system, f"room{number}", number) for number in range(ROOMS)]
        async with asyncio.TaskGroup() as tasks:
            for room in rooms:
                tasks.create_task(room.run())
            await eventually("some arrive", lambda: len(receiver.arrived) > 100, PATIENCE)
            orphans = [name for name in map("orphan{}".format, range(10)) if await _is_on(system, name, 0)]
            system.workers[0].kill()
            await receiver.die()
            await asyncio.sleep(5.0)  # it is away for some time
            system.workers[0].restart()
            await receiver.start()
            await eventually("more arrive", lambda: len(receiver.arrived) > 300, PATIENCE)
            system.controls[0].kill()
            await asyncio.sleep(5.0)
            system.controls[0].restart()
        told = sum(room.published for room in rooms)

        def complete() -> bool:
            broadcasts = {one.event["data"]["broadcast"]: one.type for one in receiver.arrived}
            is_over = all(type_ == "room.ended" for type_ in broadcasts.values())
            return is_over and len(broadcasts) >= told

        await eventually("all arrive", complete, PATIENCE)
        unique = {one.id: one for one in receiver.arrived}
        reasons = [one.event["data"]["reason"] for one in unique.values() if one.type == "room.ended"]
        print(
            f"{len(unique)} events of {told} answered offers, {len(receiver.arrived)} deliveries,"
            f" {receiver.asked} attempts; ended: { {r: reasons.count(r) for r in sorted(set(reasons))} }"
        )
        assert len(unique) >= 2 * ROOMS * BROADCASTS
        assert reasons.count("worker_lost") >= len(orphans) > 0
        for name in orphans:
            assert receiver.types(name) == ["room.started", "room.ended"]
        for room in rooms:
            assert_in_order(receiver.of_room(room.name))


async def _is_on(system: System, room: str, worker: int) -> bool:
    """Publish in a room, and leave it alone; whether this worker has it."""
    answer = await post_offer(system.http, system.whip(room), PUBLISH_OFFER)
    return answer.status_code == 201 and f"/{system.workers[worker].name}." in answer.headers["Location"]


def assert_in_order(arrived: list[Arrived]) -> None:
    """If only the first of doubles counts: broadcasts follow each other, each complete and in order."""
    first = {one.id: one for one in arrived}.values()
    broadcasts = groupby(first, lambda one: one.event["data"]["broadcast"])
    lives = [(broadcast, list(events)) for broadcast, events in broadcasts]
    assert len({broadcast for broadcast, _ in lives}) == len(lives)
    for _, events in lives:
        assert [one.event["data"]["number"] for one in events] == list(range(1, len(events) + 1))
        assert events[0].type == "room.started"
        assert [one.type for one in events].index("room.ended") == len(events) - 1


class _Room:
    """Is opened and closed again and again, through any control process that answers."""

    def __init__(self, system: System, name: str, number: int) -> None:
        self._system = system
        self._turn = number
        self.name = name
        self.published = 0  # offers that were answered

    async def run(self) -> None:
        while self.published < BROADCASTS:
            session = await self._open()
            if session is None:
                await asyncio.sleep(0.5)
                continue
            self.published += 1
            await self._close(session)

    async def _open(self) -> str | None:
        self._turn += 1
        url = self._system.whip(self.name, self._turn % 2)
        with contextlib.suppress(httpx.TransportError):
            response = await post_offer(self._system.http, url, PUBLISH_OFFER)
            if response.status_code == 201:
                return urljoin(url, response.headers["Location"])
        return None

    async def _close(self, session: str) -> None:
        """Until it is gone, perhaps with its worker."""
        path = httpx.URL(session).path
        while True:
            self._turn += 1
            with contextlib.suppress(httpx.TransportError):
                url = self._system.controls[self._turn % 2].url + path
                if (await self._system.http.delete(url)).status_code in (200, 404):
                    return
            await asyncio.sleep(0.5)
