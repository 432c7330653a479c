"""Webhooks to receivers that fail, hang, die and come back."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from shared.bus import keys
from shared.bus.batch import script
from shared.events.event_queue import EventQueue, NoGroupError, Place
from tests.integration.webhooks.stage import IN_TIME, Control, Teller, control, wanted, webhook_settings
from tests.support.waiting import eventually
from tests.support.webhook_receiver import WebhookReceiver

Deliver = Callable[..., AbstractAsyncContextManager[Control]]


@pytest.fixture
def teller(redis: Redis) -> Teller:
    return Teller(redis)


@pytest.fixture
def deliver(redis_url: str, redis: Redis, receiver: WebhookReceiver) -> Deliver:
    """Starts the part of a control process that delivers to `receiver`, and to `others`."""

    def start(*others: str, **more: Any) -> AbstractAsyncContextManager[Control]:
        return control(webhook_settings(redis_url, [receiver.url, *others], **more), redis)

    return start


async def all_arrive(receiver: WebhookReceiver, teller: Teller) -> None:
    """Every event has come, and those of each room came in order, if only the first of doubles counts."""
    rooms = {one.room for one in teller.told}

    def complete() -> bool:
        return {one.id for one in receiver.arrived} >= {one.id for one in teller.told}

    await eventually("all events arrive", complete, IN_TIME)
    for room in rooms:
        assert list(dict.fromkeys(one.id for one in receiver.of_room(room))) == teller.ids(room)


async def test_all_that_waits_for_a_receiver_ends_and_a_place_is_kept_only_where_it_is_known(
    redis: Redis,
) -> None:
    queue = EventQueue(redis)
    await queue.prepare(["g"])
    assert await redis.ttl(keys.OUTBOX) > 0
    beginning = await queue.last_read("g")
    places = beginning, Place(7, "1-0"), Place(8, "2-0")
    for _ in range(2):  # its reply may get lost
        assert await queue.keep_last_read("g", *places[:2]) == places[1]
    assert await queue.last_read("g") == places[1]
    assert await queue.keep_last_read("g", places[2], Place(9, "3-0")) == places[1]  # it lost the last one
    assert await queue.last_read("g") == places[1]
    await redis.flushall()
    with pytest.raises(NoGroupError):
        await queue.keep_last_read("g", *places[1:])
    assert not await redis.exists(keys.OUTBOX_NUMBERS)
    await queue.prepare(["g"])  # before this process has noticed
    kept = await queue.keep_last_read("g", *places[1:])
    assert kept.is_a_beginning
    assert kept != beginning


async def test_events_arrive_signed_and_in_order(
    deliver: Deliver, receiver: WebhookReceiver, teller: Teller
) -> None:
    async with deliver() as process:
        await teller.tell("a", "b", "a", "a", "b")
        await all_arrive(receiver, teller)
        assert len(receiver.arrived) == 5
        assert receiver.of_room("a")[0].event == {
            "type": "room.started",
            "timestamp": "2026-11-26T12:29:50.250Z",
            "data": {"version": 1, "room": "a", "worker": "w1", "broadcast": "p1-a", "number": 1},
        }
        delivered = "roomcast_webhook_delivered_total"
        await eventually("all are counted", lambda: process.figure(delivered) == 5, IN_TIME)
        await eventually("nothing waits", lambda: process.figure("roomcast_webhook_waiting") == 0, IN_TIME)


async def test_a_receiver_that_fails_half_the_time_dies_and_comes_back_gets_all_in_order(
    deliver: Deliver, receiver: WebhookReceiver, teller: Teller
) -> None:
    receiver.fails = 0.5
    rooms = [f"r{number}" for number in range(20)]
    async with deliver():
        await teller.tell(*rooms)
        await receiver.die()
        await teller.tell(*rooms, *rooms)
        await receiver.start()
        await all_arrive(receiver, teller)
        assert receiver.most_busy_of_room == 1


async def test_when_the_process_that_delivers_is_killed_another_one_goes_on(
    deliver: Deliver, receiver: WebhookReceiver, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.hangs_for = {"a"}
    async with deliver() as first, deliver():
        await teller.tell("a", "b", "a")
        await eventually("the other room's event came", lambda: receiver.arrived, IN_TIME)

        async def dies() -> None:  # it gives nothing back
            pass

        monkeypatch.setattr(first.webhooks._deliveries[0]._lease, "give_back", dies)
        await first.stop()
        receiver.hangs_for = set()
        await teller.tell("a")
        await all_arrive(receiver, teller)


async def test_after_a_takeover_all_pending_events_are_delivered(
    deliver: Deliver, redis: Redis, receiver: WebhookReceiver, teller: Teller
) -> None:
    """More than one read returns: `READ_AT_ONCE` is 200."""
    rooms = [f"r{number}" for number in range(450)]
    receiver.refuses = {*rooms}

    async def all_are_pending() -> bool:
        [group] = await redis.xinfo_groups(keys.OUTBOX)
        return group["pending"] == len(rooms)

    async with deliver():
        await teller.tell(*rooms)
        await eventually("the first process has read all of them", all_are_pending, IN_TIME)
    receiver.refuses = set()
    async with deliver():
        await all_arrive(receiver, teller)


@pytest.mark.parametrize("networks", ["", "10.0.0.0/8"])
async def test_a_receiver_in_an_internal_network_that_is_not_allowed_is_a_warning_at_the_start(
    redis_url: str, redis: Redis, networks: str
) -> None:
    urls = ["https://10.1.2.3/hook", "https://192.168.1.2/hook"]
    settings = webhook_settings(redis_url, urls).model_copy(
        update={"webhook_allowed_networks": (networks,) if networks else ()}
    )
    expected = {"192.168.1.2"} if networks else {"10.1.2.3", "192.168.1.2"}
    with capture_logs() as logs:
        async with control(settings, redis):

            def warned() -> set[str]:
                found = [line for line in logs if line["event"] == "webhooks cannot be sent to this receiver"]
                assert all(
                    line["log_level"] == "warning" and "WEBHOOK_ALLOWED_NETWORKS" in line["error"]
                    for line in found
                )
                return {line["receiver"] for line in found}

            await eventually("the start warns", lambda: warned() == expected, IN_TIME)


async def test_each_receiver_gets_all_and_a_dead_one_holds_up_no_other(
    deliver: Deliver, receiver: WebhookReceiver, teller: Teller
) -> None:
    async with WebhookReceiver() as other, deliver(other.url) as process:
        await other.die()
        await teller.tell("a", "a")
        await all_arrive(receiver, teller)
        await eventually(
            "the other one fails",
            lambda: process.figure("roomcast_webhook_failures_total", "127.0.0.1#2"),
            IN_TIME,
        )
        await other.start()
        await all_arrive(other, teller)


async def test_what_fails_too_long_is_a_dead_letter_and_the_room_goes_on(
    deliver: Deliver, receiver: WebhookReceiver, teller: Teller
) -> None:
    receiver.refuses = {"a"}
    async with deliver(webhook_retry_seconds=0.1) as process:
        await teller.tell("a")
        letters = process.webhooks.dead_letters
        await eventually("it is given up", lambda: letters.page("", 10), IN_TIME)
        receiver.refuses = set()
        await teller.tell("a")
        await eventually("the next one arrives", lambda: receiver.arrived, IN_TIME)
        [letter] = await letters.page("", 10)
        assert (letter["receiver"], letter["reason"]) == ("127.0.0.1", "status 500")
        assert letter["attempts"] >= 1
        assert letter["webhookId"] == "p1-a-1"
        assert letter["event"]["type"] == "room.started"
        assert not await letters.page(letter["id"], 10)
        assert process.figure("roomcast_webhook_given_up_total") == 1

        assert await letters.replay(letter["id"])
        assert not await letters.replay(letter["id"])
        await eventually("it arrives after all", lambda: len(receiver.arrived) == 2, IN_TIME)
        assert [one.id for one in receiver.arrived] == ["p1-a-2", "p1-a-1"]
        assert await letters.replay_all() == (0, 0)


@pytest.mark.parametrize("known_again", [False, True], ids=["", "and knows the receiver again at once"])
async def test_what_waited_in_a_redis_that_was_emptied_is_counted_and_later_events_are_delivered(
    deliver: Deliver, redis: Redis, receiver: WebhookReceiver, teller: Teller, known_again: bool
) -> None:
    receiver.hangs_for = {"a", "b"}
    async with deliver() as process:
        await teller.tell("a", "b", "a")
        waiting, lost = "roomcast_webhook_waiting", "roomcast_webhook_lost_total"
        await eventually("they are seen to wait", lambda: process.figure(waiting) == 3, IN_TIME)
        groups = [group["name"].decode() for group in await redis.xinfo_groups(keys.OUTBOX)]
        async with redis.pipeline(transaction=True) as at_once:
            at_once.flushdb()
            if known_again:  # before anybody looks
                names = keys.OUTBOX, keys.EVENTS_WANTED, keys.OUTBOX_NUMBERS, keys.BROADCASTS
                at_once.eval(script("want_events").text, len(names), *names, 60, 60, *groups)
            await at_once.execute()
        await eventually("they are counted", lambda: process.figure(lost) == 3, IN_TIME)
        receiver.hangs_for = set()
        await wanted(redis)
        await teller.tell("c")
        await eventually("the next one arrives", lambda: receiver.types("c"), IN_TIME)


async def test_what_waits_is_delivered_and_not_lost_in_a_redis_that_comes_back_without_its_last_writes(
    deliver: Deliver, redis: Redis, receiver: WebhookReceiver, teller: Teller
) -> None:
    """A replica that was behind takes over: also what it never had is delivered, from memory."""
    names = keys.OUTBOX, keys.OUTBOX_NUMBERS, keys.BROADCASTS
    receiver.refuses = {"a", "b"}
    async with deliver() as process:
        waiting = "roomcast_webhook_waiting"
        await teller.tell("a", "b", "d")
        await eventually("two wait", lambda: process.figure(waiting) == 2 and receiver.types("d"), IN_TIME)
        had = {name: await redis.dump(name) or b"" for name in names}
        await teller.tell("a", "d")
        await eventually("three wait", lambda: process.figure(waiting) == 3, IN_TIME)
        await eventually("the other one came", lambda: receiver.types("d")[1:], IN_TIME)
        async with redis.pipeline(transaction=True) as at_once:
            for name, value in had.items():
                at_once.restore(name, 0, value, replace=True)
            await at_once.execute()
        await teller.tell("c")
        [(last, _)] = await redis.xrevrange(keys.OUTBOX, count=1)

        async def is_read() -> bool:
            return b"4 " + last in (await redis.hgetall(keys.OUTBOX_NUMBERS)).values()

        await eventually("it is read on", is_read, IN_TIME)
        receiver.refuses = set()
        await all_arrive(receiver, teller)
        await teller.tell("c")  # it shows whether any before it was missed
        await all_arrive(receiver, teller)
        await eventually("nothing waits", lambda: process.figure(waiting) == 0, IN_TIME)
        assert [one.id for one in receiver.of_room("a")] == teller.ids("a")  # what is held is not taken again
        assert process.figure("roomcast_webhook_lost_total") == 0


async def test_the_first_event_of_a_receiver_is_delivered_by_who_read_it_though_redis_never_had_it(
    deliver: Deliver, redis: Redis, receiver: WebhookReceiver, teller: Teller
) -> None:
    receiver.refuses = {"a"}
    async with deliver() as process:
        had = {name: await redis.dump(name) or b"" for name in (keys.OUTBOX, keys.OUTBOX_NUMBERS)}
        await teller.tell("a")
        await eventually("it waits", lambda: process.figure("roomcast_webhook_waiting") == 1, IN_TIME)
        async with redis.pipeline(transaction=True) as at_once:
            for name, value in had.items():
                at_once.restore(name, 0, value, replace=True)
            await at_once.execute()
        await teller.tell("c")
        await eventually("the next one arrives", lambda: receiver.types("c"), IN_TIME)
        receiver.refuses = set()
        await all_arrive(receiver, teller)
        assert process.figure("roomcast_webhook_lost_total") == 0
