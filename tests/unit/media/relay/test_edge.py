"""This worker's copies of rooms, second by second: when they open, wait, are fed by others, and end."""

import asyncio
import gc
import math
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from media.negotiation.agreed_tracks import PublishedTrack
from media.relay import edge as module
from media.relay.edge import LINGER_SECONDS, RETRY_SECONDS, Edge
from media.relay.edge_relay import Lost, Taken
from media.rooms.chronicle import Chronicle
from media.rooms.rooms import Rooms
from media.sessions.end_reason import EndReason
from media.sessions.ledger import Ledger
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName, SessionId, WorkerId
from tests.support.layered import layers
from tests.support.published import sound, video
from tests.support.room_source import RoomSource

DEMO = RoomName("demo")
HERE, ORIGIN, NEXT = (WorkerId(name) for name in ("here", "origin", "next"))
GRACE = 10.0


class Relay(RoomSource):
    """A relay as the edge sees it; a test says what befalls it."""

    def __init__(self, origin: WorkerId, opened: Any, ended: Any) -> None:
        super().__init__(origin, heard_at=0.0)
        self.room = DEMO
        self.tier = opened.tier + 1
        self.origin_leaves = self.is_replaced = self.origin_fails = False
        self.has_run = True
        self.lost: Lost | None = None
        self.lost_at = -math.inf
        self._told = ended

    def tick(self, now: float) -> None: ...

    def end(self, reason: EndReason) -> None:
        super().end(reason)
        self._told(self)

    def lose(self, now: float, why: Lost = Lost.SILENT) -> None:
        self.lost, self.lost_at = why, now


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.asked: list[tuple[WorkerId, list[WorkerId]]] = []  # who, and whom to avoid
        self.answers = asyncio.Event()
        self.answers.set()
        self.error: Exception | None = None
        self.tracks: list[PublishedTrack] = [video("VP8"), sound()]
        self.identity, self.started_at, self.tier = "ann", 7.0, 0
        self.owner: WorkerId | Exception | None = ORIGIN
        self.fed, self.sent_away = 0, 0
        self.relays: list[Relay] = []
        monkeypatch.setattr(module, "published_tracks", lambda _: self.tracks)
        monkeypatch.setattr(module, "EdgeRelay", self._relay)
        untyped: Any = self
        self.rooms = Rooms(
            Ledger(),
            SimpleNamespace(room_closed=lambda *_: None, tracks_changed=lambda _: None),
            lambda *_: None,
            Chronicle(HERE, "process", lambda: None),
            grace=0.0,
            clock=lambda: self.now,
        )
        self.edge = Edge(
            HERE, self.rooms, untyped, untyped, untyped, untyped, untyped, untyped, GRACE, lambda: self.now
        )
        self.edge._asking = untyped

    def _relay(self, _name: RoomName, taken: Taken, *rest: Any) -> Relay:
        self.relays.append(Relay(taken.parent, taken.opened, rest[4]))
        return self.relays[-1]

    async def relay(self, _name: RoomName, owner: WorkerId, *, avoid: Any = (), **_: Any) -> Taken:
        self.asked.append((owner, list(avoid)))
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        opened: Any = SimpleNamespace(
            tracks=(), identity=self.identity, started_at=self.started_at, tier=self.tier, instead=""
        )
        order: Any = None
        return Taken(owner, order, opened)

    async def room_owner(self, _: RoomName) -> WorkerId | None:
        if isinstance(self.owner, Exception):
            raise self.owner
        return self.owner

    def feeds(self, _name: RoomName, _now: float) -> int:
        return self.fed

    def takes(self, _name: RoomName, _now: float) -> int:
        return 0

    def send_away(self, _: RoomName) -> None:
        self.sent_away += 1

    async def tick(self, seconds: float = 0.0) -> None:
        """A tick, and what it begins."""
        self.now += seconds
        self.edge.tick(self.now)
        for _ in range(10):
            await asyncio.sleep(0)

    def watch(self) -> None:
        viewer: Any = SimpleNamespace(end=lambda _: None, played=(), rendition=None, reason="")
        assert self.room is not None
        self.room.viewers[SessionId("here.v")] = viewer

    @property
    def room(self) -> Any:
        return self.rooms.find(DEMO)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
async def copy(world: World) -> Relay:
    """The relay of a copy that is watched."""
    await world.edge.take(DEMO, ORIGIN)
    world.watch()
    return world.relays[0]


# --- opening


async def test_those_who_come_at_once_share_one_opening(world: World) -> None:
    world.answers.clear()
    coming = [asyncio.create_task(world.edge.take(DEMO, ORIGIN)) for _ in range(3)]
    await asyncio.sleep(0)
    coming[0].cancel()
    world.answers.set()
    await asyncio.gather(*coming[1:])
    assert world.asked == [(ORIGIN, [])]
    assert (world.room.origin, world.room.identity, world.room.started_at) == (ORIGIN, "ann", 7.0)
    await world.edge.take(DEMO, ORIGIN)
    assert len(world.asked) == 1


async def test_a_room_of_this_worker_is_asked_of_nobody(world: World) -> None:
    await world.edge.take(DEMO, HERE)
    assert not world.asked


async def test_an_opening_that_fails_is_told_and_tried_anew_by_the_next(world: World) -> None:
    world.error = ServiceError(ErrorCode.NO_PUBLISHER)
    with pytest.raises(ServiceError):
        await world.edge.take(DEMO, ORIGIN)
    world.error = None
    await world.edge.take(DEMO, ORIGIN)
    assert world.room is not None


async def test_an_opening_that_fails_when_nobody_waits_is_no_fault_of_the_loop(world: World) -> None:
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    world.answers.clear()
    coming = asyncio.create_task(world.edge.take(DEMO, ORIGIN))
    await asyncio.sleep(0)
    coming.cancel()
    await asyncio.sleep(0)
    world.error = ServiceError(ErrorCode.NO_PUBLISHER)
    world.answers.set()
    for _ in range(5):
        await asyncio.sleep(0)
    del coming  # it knows the opening
    gc.collect()
    assert not faults


async def test_a_publisher_that_comes_here_meanwhile_keeps_its_room(world: World) -> None:
    world.answers.clear()
    coming = asyncio.create_task(world.edge.take(DEMO, ORIGIN))
    await asyncio.sleep(0)
    own: Any = Relay(HERE, SimpleNamespace(tier=-1), lambda _: None)
    own.origin = None
    room = world.rooms.open(DEMO, world.tracks, lambda _: own, world.now, identity="ann")
    world.answers.set()
    await coming
    assert world.room is room
    assert not world.relays


async def test_a_worker_that_stops_ends_its_openings(world: World) -> None:
    world.answers.clear()
    coming = asyncio.create_task(world.edge.take(DEMO, ORIGIN))
    await asyncio.sleep(0)
    await world.edge.close()
    with pytest.raises(asyncio.CancelledError):
        await coming


# --- how long a copy lives


async def test_a_copy_lingers_after_its_last_viewer(world: World, copy: Relay) -> None:
    await world.tick(60.0)
    world.room.viewers.clear()
    await world.tick(LINGER_SECONDS - 0.1)
    assert world.room is not None
    await world.tick(0.1)
    assert world.room is None
    assert copy.ended == [EndReason.NO_VIEWERS]


async def test_a_copy_lives_as_long_as_a_viewer_may_answer_its_offer(world: World, copy: Relay) -> None:
    world.room.viewers.clear()
    world.room.offered_until = world.now + 30.0
    await world.tick(29.9)
    assert world.room is not None
    await world.tick(LINGER_SECONDS)
    assert world.room is None


async def test_a_copy_lives_as_long_as_it_feeds_others(world: World, copy: Relay) -> None:
    world.room.viewers.clear()
    world.fed = 1
    await world.tick(60.0)
    assert world.room is not None
    world.fed = 0
    await world.tick(LINGER_SECONDS)
    assert world.room is None


async def test_a_room_that_is_over_ends_here_too(world: World, copy: Relay) -> None:
    copy.lose(world.now, Lost.OVER)
    await world.tick()
    assert world.room is None
    assert copy.ended == [EndReason.PUBLISHER_LEFT]
    assert not world.edge._copies


async def test_without_a_relay_a_copy_waits_as_long_as_a_publisher_may_take(
    world: World, copy: Relay
) -> None:
    world.owner = None
    copy.lose(world.now)
    await world.tick(GRACE - 0.1)
    assert world.room is not None
    await world.tick(0.1)
    assert world.room is None


async def test_relays_that_never_run_give_a_copy_no_more_time(world: World, copy: Relay) -> None:
    """The origin answers, and UDP from there is blocked: each attempt brings a relay that is lost, too."""
    copy.lose(world.now)
    for _ in range(round(GRACE / RETRY_SECONDS) - 1):
        await world.tick(RETRY_SECONDS)
        world.relays[-1].has_run = False
        world.relays[-1].lose(world.now)
    assert world.room is not None
    await world.tick(RETRY_SECONDS)
    assert world.room is None
    assert len(world.relays) == GRACE / RETRY_SECONDS


async def test_one_relay_that_runs_gives_a_copy_all_of_its_time_anew(world: World, copy: Relay) -> None:
    copy.lose(world.now)
    await world.tick(GRACE - RETRY_SECONDS)
    world.relays[-1].has_run = False
    await world.tick(GRACE)  # it may still begin to run
    world.relays[-1].has_run = True
    await world.tick()
    world.owner = None
    world.relays[-1].lose(world.now)
    await world.tick(GRACE - 0.1)
    assert world.room is not None


async def test_one_line_tells_that_relays_never_run_and_between_whom(
    world: World, copy: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(module.log, "warning", lambda _, **fields: told.append(fields))
    copy.lose(world.now)
    for _ in range(4):
        await world.tick(RETRY_SECONDS)
        world.relays[-1].has_run = False
        world.relays[-1].lose(world.now)
    assert told == [{"room": DEMO, "origin": ORIGIN, "edge": HERE}]


async def test_a_copy_has_two_attempts_where_publishers_have_no_grace(world: World, copy: Relay) -> None:
    untyped: Any = world
    world.edge = Edge(
        HERE, world.rooms, untyped, untyped, untyped, untyped, untyped, untyped, 0.0, lambda: world.now
    )
    world.edge._asking = untyped
    world.rooms.close(DEMO, EndReason.NO_VIEWERS)
    await world.edge.take(DEMO, ORIGIN)
    world.watch()
    world.error = ServiceError(ErrorCode.NO_WORKER)
    world.relays[-1].lose(world.now)
    await world.tick()
    await world.tick(RETRY_SECONDS)
    assert len(world.asked) == 4  # for each copy the opening, and two attempts
    assert world.room is not None
    await world.tick(RETRY_SECONDS)
    assert world.room is None


async def test_a_copy_that_fails_ends_alone(
    world: World, copy: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy, "tick", lambda _: 1 / 0)
    await world.tick()
    assert copy.ended == [EndReason.FAULT]


# --- another relay


async def test_a_lost_relay_is_asked_for_each_second_until_there_is_one(world: World, copy: Relay) -> None:
    copy.lose(world.now)
    world.error = ServiceError(ErrorCode.NO_WORKER)
    await world.tick(0.5)
    await world.tick(RETRY_SECONDS - 0.1)
    assert len(world.asked) == 2
    world.error, world.owner = None, NEXT
    await world.tick(0.1)
    assert world.asked[2:] == [(NEXT, [])]
    assert world.room.origin == NEXT
    assert copy.ended == [EndReason.REPLACED]
    assert len(world.room.viewers) == 1
    await world.tick(60.0)
    assert len(world.asked) == 3


async def test_one_question_at_a_time_is_under_way(world: World, copy: Relay) -> None:
    copy.lose(world.now)
    world.answers.clear()
    for _ in range(3):
        await world.tick(RETRY_SECONDS)
    assert len(world.asked) == 2  # the opening, and this one
    assert copy.is_replaced  # meanwhile nobody begins to depend on it
    world.error = ServiceError(ErrorCode.NO_WORKER)
    world.answers.set()
    await world.tick(0.0)
    assert not copy.is_replaced


@pytest.mark.parametrize(
    ("error", "words"),
    [(RedisConnectionError(), "connection"), (OSError(5, "no"), "[Errno 5] no"), (ValueError(), "a bug")],
)
async def test_whatever_fails_the_next_second_tries_anew(
    world: World, copy: Relay, error: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(module.log, "warning", lambda *_, **how: told.append(how["error"]))
    monkeypatch.setattr(module.log, "exception", lambda *_, **__: told.append("a bug"))
    copy.lose(world.now)
    world.owner = error
    await world.tick()
    assert told == [words]
    world.owner = NEXT
    await world.tick(RETRY_SECONDS)
    assert world.room.origin == NEXT


@pytest.mark.parametrize("owner", [None, HERE])
async def test_while_nobody_else_has_the_room_nobody_is_asked(
    world: World, copy: Relay, owner: WorkerId | None
) -> None:
    copy.lose(world.now)
    world.owner = owner
    await world.tick()
    assert len(world.asked) == 1
    assert world.room is not None


async def test_an_edge_that_fails_to_feed_is_avoided(world: World, copy: Relay) -> None:
    copy.lose(world.now)
    copy.origin_fails = True
    await world.tick()
    assert world.asked[1:] == [(ORIGIN, [ORIGIN])]


async def test_one_that_leaves_is_replaced_before_it_has_left(world: World, copy: Relay) -> None:
    copy.origin_leaves = True
    world.owner = NEXT
    await world.tick()
    assert world.room.origin == NEXT


async def test_a_room_that_ended_before_its_relay_ran_has_ended(world: World, copy: Relay) -> None:
    """No goodbye could arrive; and those below look elsewhere at once."""
    copy.has_run = False
    copy.lose(world.now)
    world.owner = None
    await world.tick()
    assert world.room is None
    assert world.sent_away == 1


@pytest.mark.parametrize(
    "change",
    [
        {"identity": "eve", "started_at": 8.0},
        {"identity": "", "started_at": 8.0},
        {"tracks": [*layers(codec="VP8"), sound()]},
    ],
)
async def test_viewers_do_not_get_somebody_else_s_room(
    world: World, copy: Relay, change: dict[str, Any]
) -> None:
    copy.lose(world.now)
    for name, value in change.items():
        setattr(world, name, value)
    await world.tick()
    assert world.room is None
    assert copy.ended == [EndReason.PUBLISHER_LEFT]


async def test_viewers_stay_in_a_room_whose_publisher_came_on_after_its_standby(
    world: World, copy: Relay
) -> None:
    """The standby opened the room: the publisher's credentials are others."""
    world.identity = "bob"
    copy.lose(world.now)
    await world.tick()
    world.identity, world.started_at = "bob", 9.0  # and bob comes back at another worker
    world.relays[-1].lose(world.now)
    await world.tick(RETRY_SECONDS)
    assert len(world.room.viewers) == 1
    assert (world.room.identity, world.room.started_at) == ("bob", 9.0)
    assert len(world.relays) == 3


@pytest.mark.parametrize(("tier", "sent_away"), [(0, 0), (1, 1)])
async def test_who_comes_to_the_last_tier_feeds_nobody(
    world: World, copy: Relay, tier: int, sent_away: int
) -> None:
    copy.lose(world.now)
    world.tier = tier
    await world.tick()
    assert world.sent_away == sent_away


async def test_its_end_ends_the_question_for_another_relay(world: World, copy: Relay) -> None:
    copy.lose(world.now)
    world.answers.clear()
    await world.tick()
    world.rooms.close_all(EndReason.WORKER_STOPS)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
