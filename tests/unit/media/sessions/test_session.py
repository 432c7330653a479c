"""A session from its answer to its end, by a clock of this test; no handshake is ever completed."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from media.counts import PublisherStats
from media.rooms.room import new_room
from media.rtp.rtcp import receiver_report
from media.rtp.srtp import Profile, SrtpKeys
from media.sessions.end_reason import EndReason
from media.sessions.publisher_session import (
    LOOK_SECONDS,
    MOST_EARLY,
    SILENT_SECONDS,
    START_SECONDS,
    PublisherSession,
)
from media.sessions.session import SETUP_SECONDS, UNPROVEN_BYTES, SessionState, Setup
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.transport.address import Address
from media.transport.certificate import Certificate
from media.transport.dtls import DtlsLink
from media.transport.ice import CONSENT_SECONDS, Credentials
from media.transport.stun import parse_binding_request, success_response
from shared.names import RoomName, SessionId
from shared.sdp.offer import parse_offer
from tests.support.far_end import new_keys
from tests.support.far_publisher import FarPublisher
from tests.support.ice_checks import AWAY, HOME, OLD, check, nominating
from tests.support.layered import layers
from tests.support.native_loop import looped_fan_out, used_opener
from tests.support.offers import PUBLISH_OFFER
from tests.support.published import sound

OFFER = parse_offer(PUBLISH_OFFER.decode())
BEGAN = 100.0
CERTIFICATE = Certificate.generate()


class World:
    """A publisher's session, answered at `BEGAN`."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Address]] = []
        self.ended: list[EndReason] = []
        self.checked = 0
        self.interruptions: list[float] = []
        self.ssrcs: list[bytes] = []
        send: Any = lambda *_: None  # noqa: E731
        self.switch = PacketSwitch(
            lambda _: send, fan_out_to=lambda _: looped_fan_out(send), make_opener=used_opener()
        )
        room = new_room(RoomName("demo"), [sound()], self._session, BEGAN, PublisherStats())
        source = room.source
        assert isinstance(source, PublisherSession)
        self.session, self.feed = source, room.feed

    def _session(self, feed: Feed) -> PublisherSession:
        setup = Setup(
            id=SessionId("w1.abc"),
            offer=OFFER,
            local=OLD,
            certificate=CERTIFICATE,
            send=lambda *sent: self.sent.append(sent),
            now=BEGAN,
            expires_at=None,
            connected=lambda *_: None,
            ended=lambda _, reason: self.ended.append(reason),
            checked=lambda _: self._check(),
            interrupted=lambda _, seconds: self.interruptions.append(seconds),
            sends_as=lambda _, ssrc: self.ssrcs.append(ssrc),
        )
        return PublisherSession(setup, self.switch, feed)

    def _check(self) -> None:
        self.checked += 1

    def receive_check(self, request: Any, now: float, address: Address = HOME) -> bool:
        return self.session.receive_check(request, address, now).valid

    def end_after(self, seconds: float) -> list[EndReason]:
        self.session._look_at = BEGAN + seconds
        self.session.tick(BEGAN + seconds)
        return self.ended


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """It ends with the test."""
    world = World()
    world.session.ice._current = type(world.session.ice._current)(OLD, Credentials("peer", "p" * 24))
    yield world
    world.session.end(EndReason.DELETED)


# --- how it ends


async def test_an_answer_that_nobody_uses_ends_in_time(world: World) -> None:
    """A publisher's reserves its room meanwhile."""
    assert world.end_after(SETUP_SECONDS - 0.1) == []
    assert world.end_after(SETUP_SECONDS) == [EndReason.NOT_CONNECTED]
    assert world.session.handshake_error is None  # no check has ever come


async def test_checks_alone_keep_no_room(world: World) -> None:
    for second in range(int(SETUP_SECONDS)):
        assert world.receive_check(check(), BEGAN + second)
        assert world.end_after(second) == []
    assert world.end_after(SETUP_SECONDS) == [EndReason.NOT_CONNECTED]
    assert world.session.handshake_error is not None


async def test_a_session_ends_with_its_token(world: World) -> None:
    world.session._expires_at = BEGAN + 5
    assert world.end_after(4.9) == []
    assert world.end_after(5.0) == [EndReason.TOKEN_EXPIRED]


async def test_a_publisher_is_looked_at_twice_a_second(world: World) -> None:
    world.session._expires_at = BEGAN + 5
    for second in (4.9, 5.0, 5.3, 4.9 + LOOK_SECONDS):
        assert world.ended == []
        world.session.tick(BEGAN + second)
    assert world.ended == [EndReason.TOKEN_EXPIRED]


async def test_a_bug_and_a_request_for_a_proof_wait_for_no_look(world: World) -> None:
    world.session.tick(BEGAN)
    world.session.ice._proof.ask(AWAY, "peer:ours", "p" * 24)
    world.session.tick(BEGAN + 0.1)
    assert [address for _, address in world.sent] == [AWAY]
    world.session.ice._proof.drop()
    world.session.breaks(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        world.session.tick(BEGAN + 0.2)


async def test_a_peer_that_is_silent_ends_it(world: World) -> None:
    world.session.connected = True
    world.session.ice.touch(BEGAN + 20)
    assert world.end_after(19.9 + CONSENT_SECONDS) == []
    assert world.end_after(20 + CONSENT_SECONDS) == [EndReason.CONSENT_EXPIRED]


@pytest.mark.parametrize(("heard", "told"), [(0.0, False), (20.0, False), (25.0, True)])
async def test_who_sends_checks_and_answers_none_is_told_of_unless_it_has_left(
    world: World, heard: float, told: bool
) -> None:
    world.session.connected = True
    world.session.ice.touch(BEGAN + heard)
    world.session.ice.consent_expired = lambda *_: True  # type: ignore[method-assign]
    with capture_logs() as logs:
        assert world.end_after(CONSENT_SECONDS) == [EndReason.CONSENT_EXPIRED]
    assert any("RFC 7675" in line["event"] for line in logs) is told


async def test_a_client_that_is_heard_again_had_an_interruption(world: World) -> None:
    world.session.connected = True
    for second in (7.9, 8.0, 12.0, 19.0):
        world.session.tick(BEGAN + second)
    assert world.interruptions == []
    world.session.ice.touch(BEGAN + 20)
    for second in (20.2, 21.0):
        world.session.tick(BEGAN + second)
    assert world.interruptions == [20.0]


async def test_a_client_that_is_not_heard_again_may_have_left(world: World) -> None:
    world.session.connected = True
    world.session.tick(BEGAN + 20)
    assert world.end_after(CONSENT_SECONDS) == [EndReason.CONSENT_EXPIRED]
    assert world.interruptions == []


async def test_media_is_as_good_as_checks(world: World) -> None:
    """Some publishers send no checks while their media flows."""
    world.session.connected = True
    world.feed.sources[0].heard_at = BEGAN + 50
    assert world.end_after(49.9 + CONSENT_SECONDS) == []
    assert world.end_after(50 + CONSENT_SECONDS) == [EndReason.CONSENT_EXPIRED]


async def test_it_ends_once_and_leaves_nothing(world: World) -> None:
    world.receive_check(check(), BEGAN)
    for _ in range(2):
        world.session.end(EndReason.DELETED)
    assert world.ended == [EndReason.DELETED]
    assert world.session.state is SessionState.NEW
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_its_end_is_told_even_if_something_breaks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.session, "_detach", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        world.session.end(EndReason.DELETED)
    assert world.ended == [EndReason.DELETED]


async def test_a_bug_is_told_with_the_next_tick_the_first_one(world: World) -> None:
    world.session.breaks(ValueError("first"))
    world.session.breaks(ValueError("second"))
    with pytest.raises(ValueError, match="first"):
        world.end_after(1.0)


async def test_a_bug_when_it_begins_to_relay_is_told_with_the_next_tick(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handshake(_: DtlsLink) -> SrtpKeys:
        return new_keys()

    monkeypatch.setattr(DtlsLink, "handshake", handshake)
    monkeypatch.setattr(world.switch, "open_source", lambda *_: 1 / 0)
    world.session.ice.proven = True
    world.receive_check(check(), BEGAN)
    (relaying,) = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait([relaying])
    with pytest.raises(ZeroDivisionError):
        world.end_after(1.0)


# --- its checks, and what is sent before an address is proven


async def test_the_first_section_of_its_offer_carries_its_ice(world: World) -> None:
    first, _ = OFFER.live
    assert world.session.first_section == (first.kind, first.mid)


async def test_only_a_valid_check_takes_a_seat(world: World) -> None:
    assert not world.receive_check(check(password="x" * 24), BEGAN)
    assert (world.checked, world.session.state) == (0, SessionState.NEW)
    for _ in range(2):
        assert world.receive_check(check(), BEGAN)
    assert (world.checked, world.session.state) == (1, SessionState.CONNECTING)


async def test_nothing_is_sent_before_somebody_is_there(world: World) -> None:
    world.session._send(b"x")
    world.session.send_rtcp(bytes(8))
    assert not world.sent


async def test_who_does_not_answer_is_sent_little(world: World) -> None:
    """Its address may be another's, and we would flood that one."""
    world.receive_check(check(), BEGAN)
    for _ in range(9):
        world.session._send(bytes(1024))
    assert sum(len(data) for data, _ in world.sent) == UNPROVEN_BYTES == 8 * 1024
    world.session.ice.proven = True
    world.session._send(bytes(1024))
    assert len(world.sent) == 9
    assert {address for _, address in world.sent} == {HOME}


async def test_a_peer_that_moves_is_asked_for_a_proof_at_once(world: World) -> None:
    world.receive_check(nominating(), BEGAN)
    world.session.ice.handshake_done(0.0)
    world.receive_check(nominating(), BEGAN + 1, AWAY)
    assert [address for _, address in world.sent] == [AWAY]
    world.session.tick(BEGAN + 2)
    assert [address for _, address in world.sent] == [AWAY, AWAY]


# --- whether a publisher is alive


async def test_a_publisher_that_was_just_answered_is_alive(world: World) -> None:
    assert world.session.is_alive(BEGAN + START_SECONDS - 0.1)
    assert not world.session.is_alive(BEGAN + START_SECONDS)


async def test_checks_keep_one_alive_that_is_still_connecting(world: World) -> None:
    world.receive_check(check(), BEGAN + 9)
    assert world.session.is_alive(BEGAN + 9 + SILENT_SECONDS - 0.1)
    assert not world.session.is_alive(BEGAN + 9 + SILENT_SECONDS)
    world.session.connected = True
    assert not world.session.is_alive(BEGAN + 9)


async def test_one_that_has_sent_media_is_alive_while_it_does(world: World) -> None:
    world.session.connected = True
    world.feed.sources[0].heard_at = BEGAN + 1
    assert world.session.is_alive(BEGAN + 1 + SILENT_SECONDS - 0.1)
    assert not world.session.is_alive(BEGAN + 1 + SILENT_SECONDS)  # although it began just now


async def test_one_that_never_connected_was_never_heard(world: World) -> None:
    world.receive_check(check(), BEGAN + 1)
    assert world.session.heard_at == -math.inf
    world.session.connected = True
    assert world.session.heard_at == BEGAN + 1


async def test_one_that_moves_takes_its_keys_and_the_names_of_its_layers_along(world: World) -> None:
    former, present = (
        new_room(RoomName(name), layers(2), lambda _: world.session, BEGAN, PublisherStats()).feed
        for name in ("waits", "is-on")
    )
    world.session.move(former)
    world.session._attach(new_keys())
    srtp, streams = former.srtp, former.layers
    assert streams is not None
    streams._media[7] = 1
    world.session.move(present)
    assert (former.srtp, present.srtp) == (None, srtp)
    assert srtp is not None
    assert present.layers is not None
    assert present.layers.known(7) == 1
    world.session.end(EndReason.DELETED)
    assert present.srtp is None


# --- what comes from an address from which no check came


class Moved:
    """A connected publisher at HOME, which sends from AWAY now. It keeps the RTCP that reaches its room."""

    def __init__(self, world: World, profile: Profile) -> None:
        self.publisher = FarPublisher([sound()], profile=profile)
        self._world = world
        self.rtcp: list[bytes] = []
        world.receive_check(nominating(), BEGAN)
        world.session.ice.handshake_done(BEGAN)
        world.session._attach(self.publisher.keys)
        world.session.connected = True
        self.switches(self.publisher.packet(0))
        assert world.feed.publisher is not None
        world.feed.publisher.receive = lambda compound, _: self.rtcp.append(compound)  # type: ignore[method-assign]

    def switches(self, datagram: bytes) -> None:
        """What comes from HOME."""
        feed = self._world.session.receive_media(datagram, HOME, BEGAN)
        assert feed is self._world.feed
        self._world.switch.receive([(feed, [datagram])], BEGAN)

    def sends(self, datagram: bytes) -> bool:
        """What comes from AWAY; whether that is believed."""
        return self._world.session.receive_stray(datagram, AWAY, BEGAN + 1)


@pytest.fixture(params=Profile, ids=lambda profile: profile.name)
async def moved(world: World, request: pytest.FixtureRequest) -> Moved:
    return Moved(world, request.param)


async def test_media_from_elsewhere_is_relayed_and_its_address_asked_for_a_proof(
    world: World, moved: Moved
) -> None:
    assert moved.sends(moved.publisher.packet(0))
    assert (world.feed.rx_packets, world.feed.rx_dropped) == (2, 0)
    assert world.feed.runs == []  # it waits for no other packet
    assert [address for _, address in world.sent] == [AWAY]
    assert world.session.ice.selected == HOME
    moved.switches(moved.publisher.packet(0))
    assert world.feed.rx_packets == 3


async def test_rtcp_from_elsewhere_reaches_the_room_and_its_address_is_asked_for_a_proof(
    world: World, moved: Moved
) -> None:
    report = receiver_report(moved.publisher.ssrcs[0], ())
    assert moved.sends(moved.publisher.protect_rtcp(report))
    assert moved.rtcp == [report]
    assert [address for _, address in world.sent] == [AWAY]


async def test_what_is_forged_or_replayed_from_elsewhere_does_nothing(world: World, moved: Moved) -> None:
    stranger = FarPublisher([sound()], profile=moved.publisher.keys.profile)
    media, report = (
        moved.publisher.packet(0),
        moved.publisher.protect_rtcp(receiver_report(moved.publisher.ssrcs[0], ())),
    )
    for datagram in (media, report):
        assert moved.sends(datagram)
    world.session.ice._proof.drop()
    world.sent.clear()
    forged = [stranger.packet(0), stranger.protect_rtcp(receiver_report(stranger.ssrcs[0], ())), media[:12]]
    assert not any(moved.sends(datagram) for datagram in (media, report, *forged))
    assert (world.feed.rx_packets, len(moved.rtcp), world.feed.fault) == (2, 1, None)
    assert (world.session.ice.asked, world.sent) == (None, [])


async def test_nothing_is_believed_from_elsewhere_before_there_are_keys_or_after_a_fault(
    world: World,
) -> None:
    packet = FarPublisher([sound()]).packet(0)
    assert not world.session.receive_stray(packet, AWAY, BEGAN)
    moved = Moved(world, Profile.AEAD_AES_128_GCM)
    world.feed.breaks(ValueError("a bug"))
    assert not moved.sends(moved.publisher.packet(0))


async def test_a_publisher_is_found_by_what_it_sends_as_also_when_that_changes(
    world: World, moved: Moved
) -> None:
    def found(now: float) -> list[bytes]:
        world.ssrcs.clear()
        world.session.tick(now)
        return world.ssrcs[:]

    first, second = moved.publisher.ssrcs[0], 0x77
    assert found(BEGAN + 2) == [first.to_bytes(4)]
    moved.publisher.ssrcs[0] = second
    world.switch.receive([(world.feed, [moved.publisher.packet(0)])], BEGAN + 5)
    assert found(BEGAN + 5) == [second.to_bytes(4)]
    world.session.connected = False
    assert found(BEGAN + 6) == []


# --- what comes before there are keys


class Early:
    """A publisher that sends before its session has keys."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._publisher = FarPublisher([sound()])

    def sends(self, now: float, packets: int = 1) -> list[Feed | None]:
        """Returns the feeds into which they go at once."""
        send = self._publisher.packet
        return [self._world.session.receive_media(send(0), HOME, now) for _ in range(packets)]

    def connects(self) -> int:
        """Returns how many packets were forwarded by then."""
        self._world.session._attach(self._publisher.keys)
        return self._world.feed.rx_packets


async def test_what_comes_before_the_keys_is_forwarded_with_them(world: World) -> None:
    early = Early(world)
    assert world.session.feeds is None
    assert early.sends(BEGAN + 1) == [None]
    assert early.sends(BEGAN + 2, packets=2) == [None, None]
    assert early.connects() == 3
    assert world.feed.heard_at == BEGAN + 2
    assert world.session.feeds is world.feed
    assert early.sends(BEGAN + 3) == [world.feed]


async def test_what_comes_before_the_keys_has_a_bound_and_an_end(world: World) -> None:
    early = Early(world)
    early.sends(BEGAN, MOST_EARLY + 1)
    assert len(world.session._early) == MOST_EARLY
    world.session.end(EndReason.DELETED)
    assert not world.session._early


async def test_what_others_send_before_the_keys_harms_nobody(world: World) -> None:
    early = Early(world)
    for forged in (b"\x80" + bytes(40), b"\x80", b"\x81\xc8" + bytes(40)):
        world.session.receive_media(forged, HOME, BEGAN)
    early.sends(BEGAN)
    assert early.connects() == 1
    assert (world.feed.rx_dropped, world.feed.fault) == (2, None)


# --- how far it is


async def test_a_connected_publisher_is_asked_for_its_round_trip(world: World) -> None:
    world.receive_check(nominating(), BEGAN)
    world.session.ice.handshake_done(BEGAN)
    world.session.tick(BEGAN + 1)
    assert not world.sent
    world.session.connected = True
    world.session.ice.proven = True
    world.session.tick(BEGAN + 2)
    [(request, address)] = world.sent
    assert address == HOME
    measured: list[float] = []
    assert world.feed.publisher is not None
    world.feed.publisher.measured = measured.append  # type: ignore[method-assign]
    answer = success_response(
        parse_binding_request(request), *HOME, world.session.ice._current.remote.password
    )
    world.session.receive_response(answer, HOME, BEGAN + 2.15)
    assert measured == [pytest.approx(0.15)]
