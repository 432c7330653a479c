"""An edge asks the room's owner, then whom the owner names: it gets a relay, or learns in time of none."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import pytest

from media.relay.asking import PARENT_SECONDS, RPC_SECONDS, Asking
from shared.errors import ErrorCode, ServiceError
from shared.messages.relays import OpenRelay, RelayOpened
from shared.names import RoomName, WorkerId
from shared.rpc.client import RpcClient
from tests.support.world import Stopped

ROOM = RoomName("wide")
OWNER = WorkerId("owner")
CONTROL_SECONDS = 1.2  # control's deadline for the viewer's request
Answer = Callable[[OpenRelay], RelayOpened | None]


def opened(tier: int = 0) -> RelayOpened:
    return RelayOpened(tracks=(), started_at=1.0, addresses=(), down=b"key", tier=tier)


def instead(edge: str) -> RelayOpened:
    return RelayOpened(tracks=(), started_at=0.0, addresses=(), down=b"", instead=edge)


class Bus:
    """Each worker answers as the test says; one that says nothing takes the whole timeout."""

    def __init__(self, **workers: Answer) -> None:
        self.workers = workers
        self.clock = Stopped(100.0)
        self.asked: list[tuple[str, OpenRelay]] = []
        self.timeouts: list[float] = []

    async def call(
        self, worker: WorkerId, message: OpenRelay, _reply: Any, *, timeout: float, request_id: str
    ) -> RelayOpened:
        self.asked.append((worker, message))
        self.timeouts.append(timeout)
        answer = self.workers.get(worker, lambda _: None)(message)
        if answer is None:
            self.clock.now += timeout
            raise ServiceError(ErrorCode.NO_WORKER)
        return answer

    async def ask(self, **more: Any) -> str:
        """Who gives the relay."""
        asking = Asking(WorkerId("me"), cast(RpcClient, self), lambda: self.clock.now)
        taken = await asking.relay(ROOM, OWNER, feeds=2, takes=3, **more)
        assert taken.order.up == self.asked[-1][1].up
        return taken.parent


def full(_message: OpenRelay) -> RelayOpened:
    raise ServiceError(ErrorCode.WORKER_FULL)


def sends_on(*edges: str) -> Answer:
    """An origin that names the first of these that is not to be avoided."""

    def answer(message: OpenRelay) -> RelayOpened:
        left = [edge for edge in edges if edge not in message.avoid]
        return opened() if message.takes is None or not left else instead(left[0])

    return answer


async def test_the_owner_feeds_it() -> None:
    bus = Bus(owner=lambda _: opened())
    assert await bus.ask() == OWNER
    assert [(worker, message.takes) for worker, message in bus.asked] == [(OWNER, 3)]
    assert bus.timeouts == [pytest.approx(RPC_SECONDS)]


async def test_the_edge_that_the_owner_names_feeds_it() -> None:
    bus = Bus(owner=sends_on("one"), one=lambda _: opened(1))
    assert await bus.ask() == "one"
    assert len({message.up for _, message in bus.asked}) == 2  # a key for each
    assert [message.feeds for _, message in bus.asked] == [2, 0]  # it decides about nobody else


@pytest.mark.parametrize("one", [full, lambda _: None, lambda _: instead("owner")])
async def test_one_that_gives_none_is_left_out(one: Answer) -> None:
    bus = Bus(owner=sends_on("one", "two"), one=one, two=lambda _: opened(1))
    assert await bus.ask() == "two"
    assert bus.asked[2][1].avoid == ("one",)


async def test_one_to_avoid_is_named_from_the_beginning() -> None:
    bus = Bus(owner=sends_on("one", "two"), two=lambda _: opened(1))
    assert await bus.ask(avoid=[WorkerId("one")]) == "two"


async def test_when_two_gave_none_the_owner_is_asked_to_feed_this_worker_itself() -> None:
    bus = Bus(owner=sends_on("one", "two", "three"), one=full, two=full, three=full)
    assert await bus.ask() == OWNER
    assert [worker for worker, _ in bus.asked] == [OWNER, "one", OWNER, "two", OWNER]
    assert bus.asked[-1][1].takes is None


async def test_when_the_time_is_over_nobody_gets_more() -> None:
    def slowly(message: OpenRelay) -> RelayOpened:
        bus.clock.now += RPC_SECONDS - 0.1
        return sends_on("one")(message)

    bus = Bus(owner=slowly, one=full)
    await bus.ask()
    assert bus.timeouts == [pytest.approx(RPC_SECONDS), PARENT_SECONDS, pytest.approx(0.1)]
    bus = Bus(owner=slowly, one=lambda _: None)
    await bus.ask()
    assert bus.timeouts == [pytest.approx(RPC_SECONDS), PARENT_SECONDS, 0.0]


@pytest.mark.parametrize("bus", [Bus(), Bus(owner=sends_on("one", "two"))])
async def test_the_answer_comes_before_control_gives_up(bus: Bus) -> None:
    began = bus.clock.now
    with suppress(ServiceError):
        await bus.ask()
    assert bus.clock.now - began <= RPC_SECONDS + PARENT_SECONDS < CONTROL_SECONDS
