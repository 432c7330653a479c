"""All sessions of a worker: found by what names them, and ended alone when they break."""

import pytest
from structlog.testing import capture_logs

from media.negotiation.candidates import Candidates
from media.sessions.end_reason import EndReason
from media.transport.dtls import DtlsError
from media.transport.handshake_failure import HandshakeFailure
from media.transport.ice import Credentials
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.names import RoomName
from tests.unit.media.rooms.admission_world import DEMO, OFFER, World


@pytest.fixture
async def world() -> World:
    return World()


async def test_a_session_is_found_by_its_id_room_and_role_together(world: World) -> None:
    session = world.publish()
    assert world.roster.find(session.id, DEMO, Role.PUBLISH) is session
    for id_, room, role in (
        ("w1.other", DEMO, Role.PUBLISH),
        (session.id, "other", Role.PUBLISH),
        (session.id, DEMO, Role.PLAY),
    ):
        with pytest.raises(ServiceError) as caught:
            world.roster.find(id_, room, role)
        assert caught.value.code is ErrorCode.SESSION_NOT_FOUND


async def test_a_session_is_named_by_what_its_id_begins_with_if_no_other_one_s_does(world: World) -> None:
    first, second = world.publish(), world.watch()
    found = [world.roster.named(first.id[:-1], room) for room in ("", DEMO)]
    assert found == [(first, world.room)] * 2
    for beginning, room, code in (
        (first.id, "other", ErrorCode.SESSION_NOT_FOUND),
        (f"{second.id}x", "", ErrorCode.SESSION_NOT_FOUND),
        ("w1.", "", ErrorCode.AMBIGUOUS_SESSION),
        ("w1.", DEMO, ErrorCode.AMBIGUOUS_SESSION),
    ):
        with pytest.raises(ServiceError) as caught:
            world.roster.named(beginning, room)
        assert caught.value.code is code


async def test_whether_a_session_lives_and_where(world: World) -> None:
    session = world.publish()
    assert world.roster.has(session.id, DEMO)
    assert world.roster.has(session.id, "")
    assert not world.roster.has(session.id, "other")
    session.end(EndReason.DELETED)
    assert not world.roster.has(session.id, "")
    assert world.roster.get(session.id) is None


async def test_only_who_came_over_ipv6_is_told_its_addresses_first(world: World) -> None:
    addresses = [("192.0.2.1", 1), ("2001:db8::1", 1)]
    world.roster._candidates = Candidates(addresses)
    local = Credentials("ufrag", "p" * 22)
    assert list(world.roster.transport(local).candidates) == addresses
    assert list(world.roster.transport(local, over_ipv6=True).candidates) == addresses[::-1]


async def test_a_session_that_has_ended_has_no_seat(world: World) -> None:
    world.publish()
    world.watch(client="192.0.2.7").end(EndReason.DELETED)
    assert world.roster.seats.late(world.now + 100.0) == 0


async def test_a_session_that_breaks_ends_alone(world: World) -> None:
    publisher, broken, other = world.publish(), world.watch(), world.watch()
    broken.breaks(ZeroDivisionError())
    with capture_logs() as logs:
        world.roster.tick(world.now)
    assert broken.ended
    assert not publisher.ended
    assert not other.ended
    assert world.ledger.opened == {Role.PUBLISH: 1, Role.PLAY: 2}
    assert world.ledger.ended == {(Role.PLAY, EndReason.FAULT): 1}
    assert [line["event"] for line in logs] == ["unexpected session error", "session ended"]


async def test_one_that_breaks_at_its_end_is_gone_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish()
    broken, other = world.watch(), world.watch()
    broken.breaks(ZeroDivisionError())
    monkeypatch.setattr(broken, "_detach", lambda: 1 / 0)
    world.roster.tick(world.now)
    assert world.roster.get(broken.id) is None
    assert world.roster.get(other.id) is other


async def test_one_whose_end_ends_others_in_the_same_tick_is_no_trouble(world: World) -> None:
    """A room ends with its publisher, whose tick comes first; others' tokens end, too."""
    publisher, viewer = world.publish(), world.watch()
    local, tracks, _ = world.admission.negotiate_publish(OFFER, over_ipv6=False)
    world.admission.publish(RoomName("other"), OFFER, local, tracks, world.now, world.now, "ann")
    viewer.breaks(ZeroDivisionError())
    publisher._expires_at = world.now
    with capture_logs() as logs:
        world.roster.tick(world.now)
    assert len(world.roster) == 0
    assert not [line for line in logs if line["log_level"] == "error"]


async def test_a_restart_answers_under_new_names_and_the_old_ones_work_on(world: World) -> None:
    session = world.publish()
    before = session.etag
    fragment = world.roster.restart_ice(session, Credentials("new", "n" * 24))
    assert session.etag != before
    assert f"a=ice-ufrag:{session.etag}\r\n" in fragment
    assert session.ice.local.password in fragment
    assert set(session.ice.local_ufrags) == {before, session.etag}
    assert set(world.demux._by_ufrag) == {before, session.etag}


async def test_why_a_handshake_failed_is_logged_with_the_end(world: World) -> None:
    session = world.publish()
    session.handshake_error = DtlsError(HandshakeFailure.FAULT)
    with capture_logs() as logs:
        session.end(EndReason.HANDSHAKE_FAILED)
    [ended] = [line for line in logs if line["event"] == "session ended"]
    assert ended["why"] == str(session.handshake_error)
    assert ended["reason"] == EndReason.HANDSHAKE_FAILED


@pytest.mark.parametrize("drains", [True, False])
async def test_who_leaves_a_draining_worker_is_logged_as_such(world: World, drains: bool) -> None:
    session, expired = world.publish(), world.watch()
    world.roster.drains = drains
    with capture_logs() as logs:
        expired.end(EndReason.TOKEN_EXPIRED)
        session.end(EndReason.CLOSED_BY_PEER)
    reasons = [line["reason"] for line in logs if line["event"] == "session ended"]
    assert reasons[0] == EndReason.TOKEN_EXPIRED
    assert reasons[1] == ("left the draining worker" if drains else EndReason.CLOSED_BY_PEER)


async def test_nothing_is_kept_of_a_session_that_has_ended(world: World) -> None:
    session = world.publish()
    assert len(world.demux) > 0
    session.end(EndReason.DELETED)
    assert not any(map(len, (world.roster, world.demux, world.rooms)))
    assert not list(world.roster.with_rooms())
