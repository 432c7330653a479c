"""Seats to which nobody has connected: who gives way to whom, and how many there may be."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import pytest

from media.rooms.seats import LATE_SECONDS, MOST_UNCONNECTED, MOST_UNCONNECTED_OF_CLIENT, Seats
from media.sessions.end_reason import EndReason
from media.sessions.session import Session
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.names import SessionId


@dataclass(eq=False)
class _Session:
    seats: Seats
    client: str
    began_at: float
    role: Role = Role.PLAY
    ended: list[EndReason] = field(default_factory=list)

    @property
    def id(self) -> SessionId:
        return SessionId(f"w1.{id(self)}")

    def end(self, reason: EndReason) -> None:
        self.ended.append(reason)
        self.seats.leave(cast(Session, self))


class World:
    def __init__(self, most_viewers: int = 0) -> None:
        self.seats = Seats(most_viewers)
        self.sessions: list[_Session] = []

    def offer(self, client: str, now: float, role: Role = Role.PLAY) -> _Session:
        session = _Session(self.seats, client, now, role)
        self.seats.take(cast(Session, session))
        self.sessions.append(session)
        return session

    def check(self, session: _Session) -> None:
        self.seats.connect(cast(Session, session))

    def give_way(self, client: str, now: float, among: Iterable[_Session] | None = None) -> bool:
        leaving = self.seats.gives_way(client, {each.id for each in among or self.sessions}, now)
        if leaving is not None:
            leaving.end(EndReason.NOT_CONNECTED)
        return leaving is not None

    def ended(self) -> list[int]:
        return [number for number, session in enumerate(self.sessions) if session.ended]


def test_the_oldest_of_the_client_that_holds_most_gives_way() -> None:
    world = World()
    for now, client in enumerate(("ann", "eve", "bob", "eve", "eve")):
        world.offer(client, now / 10)
    assert world.give_way("new", 0.5)
    assert world.ended() == [1]
    assert world.give_way("new", 0.5)
    assert world.ended() == [1, 3]
    assert not world.give_way("new", 0.5)  # everybody's first check may be on its way


def test_a_single_seat_gives_way_when_its_check_is_late() -> None:
    world = World()
    world.offer("ann", 0.0)
    assert not world.give_way("new", LATE_SECONDS - 0.1)
    assert world.give_way("new", LATE_SECONDS)


def test_a_client_pushes_nobody_out_that_holds_no_more_than_itself() -> None:
    world = World()
    world.offer("ann", 0.0)
    for _ in range(2):
        world.offer("eve", 1.0)
    assert not world.give_way("eve", 100.0)
    assert not world.give_way("ann", 1.0)
    assert world.give_way("ann", 1.0 + LATE_SECONDS)
    assert world.ended() == [1]


def test_who_has_connected_or_sits_elsewhere_stays() -> None:
    world = World()
    first, _, third, _ = (world.offer("eve", 0.0) for _ in range(4))
    world.check(first)
    assert world.give_way("new", 9.0, among=(first, third))
    assert world.ended() == [2]
    assert not world.give_way("new", 9.0, among=(first, third))


def test_a_flood_pushes_out_its_own_oldest() -> None:
    world = World()
    ann = world.offer("ann", 0.0)
    for now in range(MOST_UNCONNECTED_OF_CLIENT + 3):
        world.offer("eve", now, Role.PUBLISH)
    assert world.ended() == [1, 2, 3]
    for number in range(MOST_UNCONNECTED):
        world.offer(f"eve{number}", 1.0)
    assert ann.ended
    left = [session for session in world.sessions if not session.ended]
    assert len(left) == MOST_UNCONNECTED
    world.check(left[0])
    world.offer("more", 2.0)
    assert not left[1].ended


def test_a_session_that_ends_with_the_one_that_gives_way_is_kept_by_nobody() -> None:
    """The oldest may be the publisher of the room that the newest joins."""
    world = World()
    first = world.offer("eve", 0.0, Role.PUBLISH)
    for _ in range(MOST_UNCONNECTED_OF_CLIENT - 1):
        world.offer("eve", 1.0)
    newest = _Session(world.seats, "eve", 2.0)
    first.end = lambda reason: [_Session.end(each, reason) for each in (first, newest)]  # type: ignore[method-assign,assignment,func-returns-value]
    world.seats.take(cast(Session, newest))
    assert len(world.seats._unconnected) == MOST_UNCONNECTED_OF_CLIENT - 1


def test_viewers_that_should_have_connected_use_nothing_of_the_worker() -> None:
    world = World()
    for role in (Role.PLAY, Role.PLAY, Role.PUBLISH):
        world.offer("eve", 0.0, role)
    world.check(world.offer("ann", 0.0))
    assert world.seats.late(LATE_SECONDS - 0.1) == 0
    assert world.seats.late(LATE_SECONDS) == 2


def test_a_client_has_no_more_viewers_than_it_may() -> None:
    world = World(most_viewers=2)
    first, _ = world.offer("eve", 0.0), world.offer("eve", 0.0)
    world.offer("ann", 0.0, Role.PUBLISH)
    world.check(first)
    for client, refused in (("eve", True), ("ann", False), ("", False)):
        if refused:
            with pytest.raises(ServiceError) as error:
                world.seats.check_viewer(client)
            assert error.value.code is ErrorCode.VIEWER_LIMIT
        else:
            world.seats.check_viewer(client)
    first.end(EndReason.DELETED)
    world.seats.check_viewer("eve")
    world.offer("eve", 0.0)
    with pytest.raises(ServiceError):
        world.seats.check_viewer("eve")
