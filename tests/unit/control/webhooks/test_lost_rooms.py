"""Which broadcasts end because their worker is gone, second by second."""

from collections.abc import Iterable
from typing import Any, cast

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from control.webhooks.lost_rooms import DEAD_SECONDS, LOOK_SECONDS, LostRooms
from shared.bus import keys
from shared.errors import ErrorCode, ServiceError
from shared.events.event_log import Broadcast
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import WorkerId
from tests.support.meanwhile import meanwhile
from tests.support.waiting import eventually
from tests.unit.control.webhooks.standins import Lease

W1 = WorkerId("w1")


class World:
    """One room of w1's; `process`: which process beats as w1, None: none does."""

    def __init__(self) -> None:
        self.process: str | None = "p1"
        self.owner = W1
        self.now = 0.0
        self.is_away = False
        self.is_settled = True
        self.ended: list[tuple[str, str]] = []
        self.lease = Lease()
        self.lost_rooms = LostRooms(
            *cast(Any, (self, self, self.lease, self)), unix_clock=lambda: 1_795_696_200.0
        )

    async def broadcasts(self) -> list[tuple[str, Broadcast]]:
        return [("demo", Broadcast("p1-7", 3, W1))]

    async def statuses(self, workers: Iterable[WorkerId]) -> dict[WorkerId, WorkerStatus]:
        if self.is_away:
            raise RedisConnectionError
        if self.process is None:
            return {}
        version = f"{self.process}:12" if self.process else ""
        return {W1: WorkerStatus(id=W1, state=WorkerState.READY, http_url="", rooms_version=version)}

    async def room_owners(self, rooms: Iterable[str]) -> dict[str, WorkerId]:
        return dict.fromkeys(rooms, self.owner)

    async def end(self, room: str, broadcast: Broadcast, at: float, reason: str) -> None:
        self.ended.append((room, reason))

    async def check_settled(self) -> None:
        if not self.is_settled:
            raise ServiceError(ErrorCode.NO_WORKER)

    async def turn(self, now: float) -> None:
        self.now = now
        await self.lost_rooms._turn()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr("control.webhooks.lost_rooms.monotonic", lambda: world.now)
    return world


DEAD_AT = 100.0 + DEAD_SECONDS


@pytest.mark.parametrize(
    ("beats", "has_lost"),
    [
        pytest.param([(now, "p1") for now in range(100)], False, id="it beats"),
        pytest.param([(100.0, None), (DEAD_AT - 0.1, None)], False, id="it is silent"),
        pytest.param([(100.0, None), (DEAD_AT - 0.1, None), (DEAD_AT, None)], True, id="for so long"),
        pytest.param(
            [(98.0, None), (100.0, "p1"), (100.5, None), (DEAD_AT + 0.4, None)], False, id="but for a beat"
        ),
        pytest.param([(0.0, "p2")], True, id="it was started again"),
        pytest.param([(0.0, "")], False, id="nobody knows by which process it beats"),
    ],
)
async def test_a_worker_has_lost_its_rooms_when_it_is_silent_for_so_long_or_another_process(
    world: World, beats: list[tuple[float, str | None]], has_lost: bool
) -> None:
    for now, process in beats:
        world.process = process
        await world.turn(now)
    assert world.ended == [("demo", "worker_lost")] * has_lost


async def test_a_room_has_ended_that_its_living_worker_has_not_held_for_so_long(world: World) -> None:
    for now, owner in ((98.0, "w2"), (99.0, W1), (100.0, "w2"), (DEAD_AT - 0.1, "w2")):
        world.owner = WorkerId(owner)
        await world.turn(now)
    assert not world.ended
    await world.turn(DEAD_AT)
    assert world.ended == [("demo", "worker_lost")]


async def test_silence_before_redis_was_away_does_not_count(world: World) -> None:
    world.process = None
    await world.turn(0.0)
    world.is_away = True
    await world.turn(1.0)
    world.is_away = False
    await world.turn(DEAD_SECONDS)
    assert not world.ended


async def test_nobody_is_dead_while_redis_is_away_or_workers_announce_themselves_to_it_again(
    world: World,
) -> None:
    world.process = None
    world.is_settled = False  # as the watch has it in both cases
    for now in range(20):
        await world.turn(float(now))
    world.is_settled = True
    await world.turn(20.0)
    assert not world.ended


async def test_only_who_has_the_lease_looks(world: World) -> None:
    world.process = "p2"
    world.lease.tries[0] = False
    await world.turn(0.0)
    assert not world.ended


async def test_it_gives_its_lease_back_at_the_end(world: World) -> None:
    world.process = "p2"
    async with meanwhile(world.lost_rooms.run()):
        await eventually("it looks", lambda: world.ended, 30.0)
        assert not world.lease.is_given_back
    assert world.lease.is_given_back


def test_rooms_of_a_dead_worker_end_within_ten_seconds() -> None:
    """As docs/webhooks.md has it: the worker's last beat must be gone from Redis first."""
    assert keys.HEARTBEAT_TTL_MS / 1000 + LOOK_SECONDS + DEAD_SECONDS + LOOK_SECONDS <= 10
