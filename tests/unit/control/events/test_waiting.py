"""A viewer's request waits for a publisher as long as it may, without polling, and leaves nothing behind."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any, cast

import pytest
from starlette.types import Message

from control.events import waiting
from control.events.places import Places
from control.events.waiting import WaitingViewers
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName

ROOM = RoomName("demo")
LATER = 60.0  # seconds, in which the test is over


class Rooms:
    """As `RoomList`; counts how often it is asked."""

    def __init__(self) -> None:
        self.live: set[str] = set()
        self.asked = 0

    def on_record(self, call: Callable[[str], None]) -> None:
        self.arrives = call

    def is_live(self, name: str) -> bool:
        self.asked += 1
        return name in self.live

    def begin(self, name: str) -> None:
        self.live.add(name)
        self.arrives(name)


class Stage:
    def __init__(self) -> None:
        self.rooms = Rooms()
        self.places = Places(10)
        self.viewers = WaitingViewers(cast(Any, self.rooms), self.places)
        self.gone = asyncio.Event()

    async def _receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    def wait(
        self, seconds: float = LATER, client: str = "192.0.2.1", offer_bytes: int = 0
    ) -> asyncio.Task[bool]:
        waits = self.viewers.publisher(ROOM, client, monotonic() + seconds, self._receive, offer_bytes)
        return asyncio.ensure_future(waits)

    async def waiting(self, count: int) -> list[asyncio.Task[bool]]:
        tasks = [self.wait() for _ in range(count)]
        await _settled()
        return tasks

    @property
    def is_empty(self) -> bool:
        held = (self.viewers._of_room, self.viewers._of_client, self.viewers._offer_bytes)
        return not any(held) and not any(self.places._taken.values())


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(waiting, "CROWD_SECONDS", 0.001)
    return Stage()


async def test_it_is_woken_when_the_room_is_live(stage: Stage) -> None:
    waits = stage.wait()
    await _settled()
    stage.rooms.arrives(ROOM)  # of a room whose publisher is away
    stage.rooms.begin("other")
    await _settled()
    assert not waits.done()
    stage.rooms.begin(ROOM)
    assert await waits
    assert stage.is_empty


async def test_a_room_that_is_live_already_is_tried_again(stage: Stage) -> None:
    stage.rooms.begin(ROOM)
    assert await stage.wait()
    assert stage.is_empty


async def test_a_wait_does_nothing_until_it_is_woken(stage: Stage) -> None:
    waits = await stage.waiting(5)
    loop = cast(Any, asyncio.get_running_loop())
    assert stage.rooms.asked == 5  # at the beginning of each
    in_a_second = [timer for timer in loop._scheduled if timer.when() < loop.time() + LATER / 2]
    assert not [timer for timer in in_a_second if not timer.cancelled()]
    stage.rooms.begin(ROOM)
    assert await asyncio.gather(*waits) == [True] * 5


async def test_it_ends_with_its_time_its_client_and_its_process(stage: Stage) -> None:
    assert not await stage.wait(0.01)
    (left,) = await stage.waiting(1)
    stage.gone.set()
    assert not await left
    stage.gone.clear()
    (stopped,) = await stage.waiting(1)
    stage.places.close()
    assert not await stopped
    assert stage.is_empty


async def test_a_client_has_so_many_waits_and_then_429(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_OF_CLIENT", 2)
    waits = await stage.waiting(2)
    with pytest.raises(ServiceError) as refused:
        await stage.wait()
    assert refused.value.code is ErrorCode.RATE_LIMITED
    assert refused.value.detail == "2 requests of this address wait for a publisher"
    other = stage.wait(client="192.0.2.2")
    await _settled()
    stage.rooms.begin(ROOM)
    assert await asyncio.gather(*waits, other) == [True] * 3
    assert stage.is_empty


async def test_a_process_holds_so_many_bytes_of_offers_and_then_503(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MAX_OFFER_BYTES", 100)
    waits = stage.wait(offer_bytes=60)
    await _settled()
    with pytest.raises(ServiceError) as refused:
        await stage.wait(offer_bytes=41)
    assert refused.value.code is ErrorCode.NO_WORKER
    stage.rooms.begin(ROOM)
    assert await waits
    assert stage.is_empty


async def test_a_room_and_a_process_have_so_many_places(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_places = await stage.waiting(7)  # five sevenths of ten, shared by one client
    assert [waits.done() for waits in all_places] == [False] * 7
    with pytest.raises(ServiceError) as refused:
        await stage.wait()
    assert refused.value.code is ErrorCode.NO_WORKER
    other = stage.wait(client="192.0.2.2")  # the client with the most places gives one up
    await _settled()
    assert [waits.done() for waits in [*all_places, other]] == [True] + [False] * 7
    monkeypatch.setattr(waiting, "MAX_OF_ROOM", 7)
    assert not await stage.wait(client="192.0.2.3")
    stage.rooms.begin(ROOM)
    assert await other
