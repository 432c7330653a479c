"""Who of those that publish in a room is to be on."""

from types import SimpleNamespace
from typing import Any

import pytest

from media.rooms.standby import CALL_SECONDS
from media.rooms.standbys import Standbys

NOW = 100.0


class StandIn:
    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.session: Any = SimpleNamespace(rank=rank)
        self.is_sending = True
        self.is_wanted = False

    def sends(self, _now: float) -> bool:
        return self.is_sending

    def want(self, _now: float, *, wanted: bool) -> None:
        self.is_wanted = wanted


class World:
    """The room's own publisher is on, and three stand by."""

    def __init__(self) -> None:
        self.standbys = Standbys()
        self.on: Any = StandIn(0)
        self.heard_at = NOW
        self.others = [StandIn(self.standbys.next_rank()) for _ in range(3)]
        for each in reversed(self.others):
            self.add(each)

    def add(self, standby: Any) -> None:
        self.standbys.add(standby)

    def called(self) -> int | None:
        """The rank of who is to be on; None: who is."""
        self.standbys.call(None if self.on is None else self.on.session, self.heard_at, NOW)
        wanted: list[int] = [each.rank for each in self.others if each.is_wanted]
        assert len(wanted) <= 1
        return wanted[0] if wanted else None

    def switch(self, to: Any) -> None:
        self.standbys.take_out(to.session)
        if self.on is not None:
            self.add(self.on)
        self.others = [each for each in (*self.others, self.on) if each not in (to, None)]
        self.on, self.heard_at = to, NOW
        self.standbys.is_on(to)


@pytest.fixture
def world() -> World:
    return World()


def test_who_sends_stays_on(world: World) -> None:
    assert world.called() is None
    world.heard_at = NOW - CALL_SECONDS + 0.1
    assert world.called() is None


def test_the_first_one_that_sends_follows_a_silence_or_an_end(world: World) -> None:
    world.heard_at = NOW - CALL_SECONDS - 0.1
    assert world.called() == 1
    world.others[0].is_sending = False
    assert world.called() == 2
    world.on, world.heard_at = None, NOW
    assert world.called() == 2
    for each in world.others:
        each.is_sending = False
    assert world.called() is None


def test_who_comes_first_is_on_again_when_it_sends(world: World) -> None:
    encoder = world.on
    encoder.is_sending = False
    world.switch(world.others[1])
    assert world.called() == 1  # it comes before that one
    world.others[0].is_sending = False
    assert world.called() is None
    encoder.is_sending = True
    assert world.called() == 0
    assert world.standbys.covered is encoder


def test_an_operator_goes_through_all_of_them_in_turn(world: World) -> None:
    ranks = []
    for _ in range(5):
        chosen: Any = world.standbys.choose(NOW)
        assert world.called() == chosen.rank
        ranks.append(chosen.rank)
        world.switch(chosen)
        assert world.called() is None  # it stays, though others come before it
    assert ranks == [1, 2, 3, 0, 1]
    assert world.standbys.switches == 5
    world.heard_at = NOW - CALL_SECONDS - 0.1
    assert world.called() == 0
    world.heard_at = NOW
    assert world.called() == 0  # that choice is over


def test_nobody_else_is_chosen_where_nobody_else_sends(world: World) -> None:
    for each in world.others:
        each.is_sending = False
    assert world.standbys.choose(NOW) is None


def test_the_rooms_own_publisher_does_not_count(world: World) -> None:
    assert world.standbys.count == 3
    world.switch(world.others[0])
    assert (world.standbys.count, len(world.standbys)) == (3, 3)
