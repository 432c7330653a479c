"""Delivering to one receiver, with a queue and a lease that do what a test wants."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import groupby
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from control.webhooks import delivery
from control.webhooks.delivery import Delivery
from control.webhooks.figures import WebhookFigures
from control.webhooks.post import ATTEMPT_SECONDS, Attempt, Outcome
from control.webhooks.receiver import receivers_of
from shared.events.event_queue import NEW, Backlog, Entry, NoGroupError, Place
from tests.support import waiting
from tests.support.meanwhile import meanwhile
from tests.unit.control.webhooks.standins import Lease, Poster, Queue
from tests.unit.control.webhooks.test_message import FIELDS, SECRET

RECEIVER = receivers_of(["https://hooks.example/"])[0]
TURNS = 50  # of the event loop: more than anything here takes


async def eventually(what: str, look: Callable[[], Any]) -> None:
    await waiting.eventually(what, look, 30.0, every=0.001)


async def takes_it(_: str) -> Attempt:
    return Attempt(Outcome.DELIVERED)


async def hangs(_: str) -> Attempt:
    await asyncio.Event().wait()
    raise AssertionError


class World:
    def __init__(self, *entries: Entry, answer: Callable[[str], Awaitable[Attempt]] = takes_it) -> None:
        self.queue, self.lease, self.poster = Queue(*entries), Lease(), Poster(answer)
        self.registry = CollectorRegistry()
        self.delivery = Delivery(
            RECEIVER,
            [SECRET],
            cast(Any, self.queue),
            cast(Any, self.lease),
            cast(Any, self.poster),
            WebhookFigures(self.registry),
            retry_seconds=3600.0,
            unix_clock=lambda: 1_000.0,
        )

    def figure(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"roomcast_webhook_{name}", {"receiver": RECEIVER.label})


@asynccontextmanager
async def running(world: World) -> AsyncIterator[World]:
    async with meanwhile(world.delivery.run()):
        yield world


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_SECONDS", "TAKE_SECONDS", "AWAY_SECONDS", "RENEW_SECONDS"):
        monkeypatch.setattr(delivery, name, 0.001)


def entry(number: int, room: str = "demo", **fields: str) -> Entry:
    return Entry(f"{number}-0", FIELDS | {"id": str(number), "room": room} | fields)


async def turns() -> None:
    """Time in which everything that may happen has happened."""
    for _ in range(TURNS):
        await asyncio.sleep(0.001)


async def test_no_more_is_held_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest stays in Redis, where another process finds it."""
    monkeypatch.setattr(delivery, "MAX_HELD", 5)
    monkeypatch.setattr(delivery, "READ_AT_ONCE", 3)
    async with running(World(*[entry(number) for number in range(20)], answer=hangs)) as world:
        await eventually("as much as fits is read", lambda: len(world.queue.given) >= 5)
        await turns()
        assert len(world.queue.given) == 5


async def test_what_was_delivered_makes_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MAX_HELD", 2)
    async with running(World(*[entry(number, room=f"r{number % 3}") for number in range(20)])) as world:
        await eventually("all are delivered", lambda: len(world.queue.acknowledged) == 20)


async def test_only_so_many_attempts_are_made_beside_each_other() -> None:
    async with running(
        World(*[entry(number, room=f"r{number}") for number in range(40)], answer=hangs)
    ) as world:
        await eventually("attempts are made", lambda: len(world.poster.asked) >= 16)
        await turns()
        assert len(world.poster.asked) == delivery.AT_ONCE == 16


async def test_while_redis_is_away_it_delivers_as_long_as_nobody_else_can() -> None:
    world = World()
    world.lease.tries = deque([True, True, RedisConnectionError()])
    world.lease.left = ATTEMPT_SECONDS
    async with running(world):
        await eventually("it delivers", lambda: world.figure("waiting") is not None)
        await turns()
        world.queue.new.append(entry(1))
        await eventually("it delivers still", lambda: world.queue.acknowledged)


async def test_a_lease_that_runs_out_while_redis_is_away_ends_it() -> None:
    world = World()
    world.lease.tries = deque([True, True, RedisConnectionError()])
    async with running(world):
        await eventually("it delivers", lambda: world.figure("waiting") is not None)
        world.lease.left = ATTEMPT_SECONDS - 0.001
        await eventually("it has ended", lambda: world.figure("waiting") is None)
        world.queue.new.append(entry(1))
        await turns()
        assert not world.queue.given


async def test_a_lease_that_another_process_has_got_ends_it() -> None:
    async with running(World()) as world:
        await eventually("it delivers", lambda: world.figure("waiting") is not None)
        world.lease.tries = deque([False])
        await eventually("it has ended", lambda: world.figure("waiting") is None)
        assert world.figure("oldest_seconds") is None
        world.lease.tries = deque([True])
        await eventually("it delivers again", lambda: world.figure("waiting") is not None)


async def test_nothing_is_sent_with_a_lease_that_ends_before_an_answer_must_come() -> None:
    """Another process would send the same event, and the next ones, meanwhile."""
    world = World(entry(1))
    world.lease.left = ATTEMPT_SECONDS - 0.001
    async with running(world):
        await eventually("it is read", lambda: world.queue.given)
        await turns()
        assert not world.poster.asked


async def test_what_is_no_event_is_a_dead_letter_and_the_room_goes_on() -> None:
    async with running(World(entry(1, facts="{"), entry(2))) as world:
        await eventually("the next one is delivered", lambda: world.queue.acknowledged == ["2-0"])
    about = {"receiver": "hooks.example", "why": "not an event", "attempts": "0"}
    assert world.queue.buried == {"1-0": about}
    assert world.poster.asked == ["2"]
    assert world.figure("given_up_total") == 1


async def test_what_redis_gave_out_and_did_not_arrive_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was delivered is acknowledged in the end, and not sent again."""
    world = World(entry(1))
    asked: list[str] = []
    is_away = False
    read, acknowledge, refused = world.queue.read, world.queue.acknowledge, list[Entry]()

    async def fails(group: str, after: str, count: int) -> list[Entry]:
        asked.append(after)
        if is_away:
            raise RedisConnectionError
        return await read(group, after, count)

    async def refuses_one(group: str, entry: Entry) -> None:
        if not refused:
            refused.append(entry)
            raise RedisConnectionError
        await acknowledge(group, entry)

    monkeypatch.setattr(world.queue, "read", fails)
    monkeypatch.setattr(world.queue, "acknowledge", refuses_one)
    async with running(world):
        await eventually("it is delivered", lambda: world.queue.acknowledged)
        is_away = True
        await eventually("it fails", lambda: asked[-1] != NEW)
        is_away = False
        world.queue.new.append(entry(2))
        await eventually("the next one is delivered", lambda: len(world.queue.acknowledged) == 2)
    places = [place for place, _ in groupby(asked)]
    assert places == ["0", NEW, "1-0", NEW]
    assert world.poster.asked == ["1", "2"]


async def test_what_its_receiver_wants_no_more_is_given_up_at_once() -> None:
    async def gone(_: str) -> Attempt:
        return Attempt(Outcome.GONE, "status 410")

    async with running(World(entry(1), answer=gone)) as world:
        await eventually("it is given up", lambda: world.queue.buried)
    assert world.queue.buried["1-0"]["attempts"] == "1"


async def test_what_is_for_another_receiver_is_left_to_it() -> None:
    """A dead letter that is replayed is of one receiver; all groups read it."""
    async with running(World(entry(1, to="another"), entry(2, to=RECEIVER.group))) as world:
        await eventually("both are done with", lambda: len(world.queue.acknowledged) == 2)
    assert world.poster.asked == ["2"]


async def test_when_it_ends_it_gives_back_what_it_holds() -> None:
    async with running(World()) as world:
        await turns()
        assert not world.lease.is_given_back
    assert world.lease.is_given_back
    assert world.poster.is_closed


async def test_what_was_read_and_not_delivered_is_forgotten_with_the_lease() -> None:
    """The next turn reads it again; held twice, it would be sent twice, and fill the place of others."""
    async with running(World(entry(1), answer=hangs)) as world:
        await eventually("it is sent", lambda: world.poster.asked == ["1"])
        world.lease.tries = deque([False])
        await eventually("it has ended", lambda: world.figure("waiting") is None)
        world.queue.new.append(entry(1))
        world.lease.tries = deque([True])
        await eventually("it is sent again", lambda: world.poster.asked == ["1", "1"])


async def test_the_age_of_the_oldest_one_is_told_by_the_clock_that_dated_it() -> None:
    world = World()
    world.queue.waits = Backlog(3, 940.0)
    async with running(world):
        await eventually("they are counted", lambda: world.figure("waiting") == 3)
        assert world.figure("oldest_seconds") == 60.0
        world.queue.waits = Backlog(1, 1_001.0)  # Redis' clock goes before
        await eventually("there are less", lambda: world.figure("waiting") == 1)
        assert world.figure("oldest_seconds") == 0.0


async def test_it_is_given_up_when_the_next_try_would_come_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 5_000.0

    async def fails(_: str) -> Attempt:
        nonlocal now
        now += 1_200.0
        return Attempt(Outcome.FAILED, "status 500", retry_after=0.01)

    monkeypatch.setattr(delivery, "monotonic", lambda: now)
    monkeypatch.setattr(delivery, "FIRST_SECONDS", 0.0)
    async with running(World(entry(1), answer=fails)) as world:
        await eventually("it is given up", lambda: world.queue.buried)
    assert world.queue.buried["1-0"]["attempts"] == "3"  # a fourth would begin 3,600.01 s after the first
    assert world.figure("failures_total") == 3


async def test_a_receiver_that_fails_is_told_of_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    async def fails(_: str) -> Attempt:
        nonlocal now
        now += 20.0
        return Attempt(Outcome.FAILED, "status 500")

    monkeypatch.setattr(delivery, "monotonic", lambda: now)
    monkeypatch.setattr(delivery, "FIRST_SECONDS", 0.0)
    world = World(entry(1), answer=fails)
    with capture_logs() as logs:
        async with running(world):
            await eventually("it has failed often", lambda: len(world.poster.asked) >= 7)
            failed = len(world.poster.asked)
    warned = [one for one in logs if one["log_level"] == "warning"]
    assert len(warned) == pytest.approx(failed / 3, abs=1)
    assert warned[0]["error"] == "status 500"


async def test_recovery_is_logged_once_when_no_event_waits_for_another_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    refused = {"1", "2"}

    async def answers(id_: str) -> Attempt:
        return Attempt(Outcome.FAILED, "status 500") if id_ in refused else Attempt(Outcome.DELIVERED)

    monkeypatch.setattr(delivery, "monotonic", lambda: now)
    monkeypatch.setattr(delivery, "FIRST_SECONDS", 0.0)
    world = World(entry(1, room="a"), entry(2, room="b"), answer=answers)

    def recoveries() -> list[Any]:
        return [one for one in logs if one["event"] == "webhooks are delivered again"]

    with capture_logs() as logs:
        async with running(world):
            await eventually("both fail", lambda: {*world.poster.asked} == refused)
            refused.discard("1")
            await eventually("one is delivered", lambda: world.queue.acknowledged == ["1-0"])
            assert not recoveries()
            now = 30.0
            refused.discard("2")
            await eventually("the other one is delivered", lambda: len(world.queue.acknowledged) == 2)
            world.queue.new.append(entry(3))
            await eventually("the next one is delivered", lambda: len(world.queue.acknowledged) == 3)
    about = {"receiver": "hooks.example", "failed_seconds": 30.0, "log_level": "info"}
    assert recoveries() == [{"event": "webhooks are delivered again", **about}]


async def test_recovery_is_logged_when_what_failed_has_been_given_up() -> None:
    async def refuses_one(id_: str) -> Attempt:
        return Attempt(Outcome.GONE, "status 410") if id_ == "1" else Attempt(Outcome.DELIVERED)

    with capture_logs() as logs:
        async with running(World(entry(1), entry(2), answer=refuses_one)) as world:
            await eventually("the next one is delivered", lambda: world.queue.acknowledged)
    assert [one["event"] for one in logs].count("webhooks are delivered again") == 1


async def test_no_recovery_is_logged_where_no_failure_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that fails now and then gets one pair of lines a minute at most."""
    failed: set[str] = set()

    async def fails_once(id_: str) -> Attempt:
        if id_ in failed:
            return Attempt(Outcome.DELIVERED)
        failed.add(id_)
        return Attempt(Outcome.FAILED, "status 500")

    monkeypatch.setattr(delivery, "monotonic", lambda: 0.0)
    monkeypatch.setattr(delivery, "FIRST_SECONDS", 0.0)
    with capture_logs() as logs:
        async with running(World(entry(1), entry(2), answer=fails_once)) as world:
            await eventually("both are delivered", lambda: len(world.queue.acknowledged) == 2)
    assert [one["event"] for one in logs].count("webhooks are delivered again") == 1


async def test_those_that_are_given_up_are_told_of_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    async def gone(_: str) -> Attempt:
        return Attempt(Outcome.GONE, "status 410")

    monkeypatch.setattr(delivery, "monotonic", lambda: now)
    world = World(*[entry(number) for number in range(1, 4)], answer=gone)
    with capture_logs() as logs:

        def told() -> list[Any]:
            return [(one.get("webhooks"), one["id"]) for one in logs if one["log_level"] == "error"]

        async with running(world):
            await eventually("all are given up", lambda: len(world.queue.buried) == 3)
            assert told() == [(1, "1")]
            now += delivery.WARN_SECONDS
            await eventually("the rest is told", lambda: len(told()) == 2)
            assert told() == [(1, "1"), (2, "3")]


async def test_what_was_trimmed_before_its_delivery_is_counted() -> None:
    world = World(Entry("1-0", None), entry(2, entry="7"), entry(5, entry="10"))
    world.queue.place = Place(6, "1-0")  # read, trimmed before it was acknowledged
    async with running(world):
        await eventually("all are done with", lambda: len(world.queue.acknowledged) == 3)
        assert world.figure("lost_total") == 3  # that one, and 8 and 9
        assert world.queue.place == Place(10, "5-0")
        world.queue.new.append(entry(9, entry="13"))
        await eventually("it is delivered", lambda: len(world.queue.acknowledged) == 4)
    assert world.figure("lost_total") == 5  # 11 and 12 are gone
    assert world.queue.place == Place(13, "9-0")


async def test_what_waited_when_another_process_took_the_lease_is_not_lost_when_redis_is_emptied_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.queue.waits = Backlog(3, None)
    is_empty = asyncio.Event()

    async def read(*_: Any) -> list[Entry]:
        is_empty.set()
        raise NoGroupError

    async def backlog(_: str) -> Backlog:
        raise RedisConnectionError

    async with running(world):
        await eventually("they are counted", lambda: world.figure("waiting") == 3)
        world.lease.tries = deque([False])
        await eventually("another one delivers", lambda: world.figure("waiting") is None)
        await turns()
        monkeypatch.setattr(world.queue, "read", read)
        monkeypatch.setattr(world.queue, "backlog", backlog)
        world.lease.tries = deque([True])
        await is_empty.wait()
        await turns()
    assert world.figure("lost_total") == 0


async def test_what_is_delivered_again_moves_no_place() -> None:
    world = World(entry(3), entry(4, to=RECEIVER.group))
    world.queue.place = Place(5, "5-0")
    async with running(world):
        await eventually("all are done with", lambda: len(world.queue.acknowledged) == 2)
    assert (world.queue.place, world.figure("lost_total")) == (Place(5, "5-0"), 0)


async def test_what_was_read_when_redis_had_lost_its_last_writes_moves_the_place_that_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the next entry would seem to be behind a gap."""
    monkeypatch.setattr(delivery, "RENEW_SECONDS", 60.0)  # nobody else looks whether the place is there
    world = World()
    world.queue.place = Place(5, "5-0")
    read_new = world.queue.read

    async def read(group: str, after: str, count: int) -> list[Entry]:
        if after == NEW:
            return await read_new(group, after, count)
        await turns()
        pending = {*world.queue.given} - {*world.queue.acknowledged}
        return [one for one in new if one.id in pending] if after == "0" else []

    new = [entry(6, entry="4"), entry(7, entry="5")]
    monkeypatch.setattr(world.queue, "read", read)
    async with running(world):
        await eventually("it begins", lambda: world.delivery._place)
        world.queue.place = Place(3, "3-0")
        world.queue.new.append(new[0])
        await eventually("the first is delivered", lambda: world.queue.acknowledged)
        world.queue.new.append(new[1])
        await eventually("the second is delivered", lambda: len(world.queue.acknowledged) == 2)
    assert (world.queue.place, world.figure("lost_total")) == (Place(5, "7-0"), 0)
    assert world.poster.asked == ["6", "7"]


async def test_a_room_s_next_event_waits_for_the_one_before() -> None:
    answers: dict[str, asyncio.Event] = {"1": asyncio.Event(), "2": asyncio.Event()}

    async def slowly(id_: str) -> Attempt:
        await answers[id_].wait()
        return Attempt(Outcome.DELIVERED)

    async with running(World(entry(1), entry(2), answer=slowly)) as world:
        await eventually("the first is sent", lambda: world.poster.asked)
        await turns()
        assert world.poster.asked == ["1"]
        answers["1"].set()
        await eventually("the second is sent", lambda: world.poster.asked == ["1", "2"])
        assert world.queue.acknowledged == ["1-0"]


# --- when a failed webhook is tried again


def test_the_waits_double_up_to_a_minute() -> None:
    waits = [delivery.wait_seconds(failures, 0.0, asked=0.0) for failures in (*range(1, 9), 1_000_000)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert delivery.wait_seconds(7, 1.0, asked=0.0) == 45  # luck shortens them by a quarter at most


def test_a_receiver_that_asks_for_more_time_gets_it() -> None:
    assert delivery.wait_seconds(1, 0.0, asked=120.0) == 120
    assert delivery.wait_seconds(7, 0.0, asked=1.0) == 60
