"""A viewer's session when something breaks, and when nothing is to be done."""

import asyncio
import math
from types import SimpleNamespace
from typing import Any

import pytest

from media.line.packet_train import PACKETS, UDP_OCTETS
from media.rtp.rtcp import pli, receiver_report, remb
from media.rtp.srtp import SrtpKeys
from media.sessions import viewer_session
from media.sessions.end_reason import EndReason
from media.sessions.session import Session
from media.sessions.viewer_session import MEDIA_SECONDS, PICTURE_SECONDS, ViewerSession
from media.switch.rendition import Ladder, Rendition
from media.switch.wire import Wire
from media.transport.dtls import DtlsLink
from media.transport.ice import CONSENT_SECONDS, CheckResult
from media.transport.round_trips import Answer
from media.transport.stun import parse_binding_request
from shared.messages.signalling import Role
from shared.sdp.offer import Offer, parse_offer
from tests.support.demux_socket import HOME, OTHER
from tests.support.far_end import new_keys
from tests.support.offers import PLAY_OFFER
from tests.unit.media.rooms.admission_world import PLAY, World

REPORT = receiver_report(1, [])
WITHOUT_SHORT_RTCP = parse_offer(PLAY_OFFER.decode().replace("a=rtcp-rsize\r\n", ""))
RENDITIONS = tuple(Rendition(number, 1e6) for number in range(2))


class Playback:
    """In the place of what sends to a viewer; each call is noted, and `step` may break."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.received: list[tuple[bytes, float, float]] = []
        self.charged = 0
        self.fault: Exception | None = None
        self.rests = True
        self.steps = False
        self.quiet_until = 0.0
        self.measure_seconds = 1e9
        self.picture: Any = None
        self.feedback = self
        self.viewer: Any = SimpleNamespace(rendition=None, sender=None)
        self.first_picture_at: float | None = None

    def step(self, now: float) -> float | None:
        self.calls.append("step")
        if self.fault is not None:
            raise self.fault
        return None

    def tick(self, now: float) -> bytes:
        self.calls.append("tick")
        return b""

    def move(self, address: object, now: float) -> None:
        self.calls.append("move")

    def end(self) -> None:
        self.calls.append("end")

    def listens(self, now: float) -> bool:
        return True

    def charge(self, octets: int) -> None:
        self.charged += octets

    def receive(self, compound: bytes, now: float, late: float) -> None:
        self.received.append((compound, now, late))

    def measured(self, round_trip: float, now: float) -> None:
        self.calls.append(f"{round_trip} s at {now}")


@pytest.fixture
async def world() -> World:
    world = World()
    world.publish()
    return world


def playing(world: World, offer: Offer = PLAY) -> tuple[ViewerSession, Playback]:
    """A viewer that is connected, as far as a tick sees."""
    session, playback = world.watch(offer=offer), Playback()
    untyped: Any = session
    untyped._playback, untyped.connected = playback, True
    session.ice.touch(world.now)
    return session, playback


async def test_a_bug_while_a_picture_is_sent_ends_this_viewer_alone(world: World) -> None:
    session, playback = playing(world)
    other, _ = playing(world)
    playback.fault = ZeroDivisionError()
    await session._pace()
    assert session.ended
    assert not other.ended
    assert playback.calls == ["step", "end"]
    assert world.ledger.ended == {(Role.PLAY, EndReason.FAULT): 1}


@pytest.mark.parametrize(("quiet", "rest"), [(0.5, 0.5), (60.0, 1.0)])
async def test_a_viewer_with_nothing_to_do_costs_no_tick_for_a_second_at_most(
    world: World, quiet: float, rest: float
) -> None:
    """Its token and its consent may end meanwhile."""
    session, playback = playing(world)
    playback.quiet_until = world.now + quiet
    for later in (0.0, 0.1, rest - 0.1):
        session.tick(world.now + later)
    assert playback.calls == ["tick"]
    session.tick(world.now + rest)
    assert playback.calls == ["tick"] * 2


@pytest.mark.parametrize("wakes", ["a wish", "another address", "a bug", "the room's layers", "what it said"])
async def test_what_happens_ends_the_rest(world: World, wakes: str) -> None:
    session, playback = playing(world)
    playback.quiet_until = world.now + 60
    session.tick(world.now)
    if wakes == "a wish":
        session.choose(None, picture=False)
    elif wakes == "another address":
        session._moved(("192.0.2.9", 1))
    elif wakes == "what it said":
        untyped: Any = session
        untyped._srtcp_in = SimpleNamespace(unprotect_rtcp=lambda datagram: datagram)
        for playback.rests in (True, False):
            session.tick(world.now + 0.1)
            session.receive_media(b"\x81\xce\x00\x02" + bytes(8), HOME, world.now)
        assert playback.calls == ["tick"]
    elif wakes == "the room's layers":
        session._feed.ladder = SimpleNamespace()  # type: ignore[assignment]
    else:
        session.breaks(ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            session.tick(world.now + 0.1)
        return
    playback.calls.clear()
    session.tick(world.now + 0.1)
    assert playback.calls == ["tick"]


async def test_a_report_waits_for_a_tick_or_another_report_and_is_as_old_as_it_is(world: World) -> None:
    session, playback = playing(world)
    untyped: Any = session
    untyped._srtcp_in = SimpleNamespace(unprotect_rtcp=lambda datagram: datagram)
    heard: list[float] = []
    session.ice.selected, untyped.ice.touch = HOME, heard.append
    reports = [b"\x80\xc9\x00\x01" + bytes((0, 0, 0, number)) for number in range(3)]
    session.receive_media(reports[0], HOME, 100.0)
    assert playback.received == []
    session.tick(100.25)
    session.receive_media(reports[1], HOME, 101.0)
    session.receive_media(reports[2], OTHER, 101.5)
    session.tick(101.625)
    assert playback.received == [
        (reports[0], 100.25, 0.25),
        (reports[1], 101.5, 0.5),
        (reports[2], 101.625, 0.125),
    ]
    assert heard == [100.0, 101.0]
    assert playback.charged == 24


async def test_a_report_that_waited_takes_no_more_of_a_tick_than_itself(world: World) -> None:
    """Each viewer reports once a second: a room of many would be looked at all over for nothing."""
    session, playback = playing(world)
    untyped: Any = session
    untyped._srtcp_in = SimpleNamespace(unprotect_rtcp=lambda datagram: datagram)
    playback.quiet_until = world.now + 60
    session.tick(world.now)
    session.receive_media(REPORT, HOME, world.now)
    session.tick(world.now + 0.1)
    assert [compound for compound, _, _ in playback.received] == [REPORT]
    assert playback.calls == ["tick"]


@pytest.mark.parametrize("first", [REPORT, pli(1, 1)], ids=["a report", "a request"])
@pytest.mark.parametrize("rests", [True, False])
@pytest.mark.parametrize("offer", [PLAY, WITHOUT_SHORT_RTCP], ids=["reduced size", "reports first"])
async def test_an_estimate_waits_with_its_report_where_no_request_can_be_in_it(
    world: World, offer: Offer, rests: bool, first: bytes
) -> None:
    """A viewer without reduced-size RTCP puts its requests behind reports."""
    session, playback = playing(world, offer)
    untyped: Any = session
    untyped._srtcp_in = SimpleNamespace(unprotect_rtcp=lambda datagram: datagram)
    playback.rests = rests
    session.receive_media(first + remb(1, 5_000_000, [1]), HOME, world.now)
    waits = offer is PLAY and rests and first is REPORT
    assert len(playback.received) == (not waits)
    session.tick(world.now)
    assert len(playback.received) == 1


async def test_a_round_trip_to_a_viewer_is_told_to_its_playback(world: World) -> None:
    session, playback = playing(world)
    session.ice.round_trip = lambda *_: Answer(0, 0.25)  # type: ignore[method-assign]
    session.receive_response(b"", HOME, 101.0)
    assert playback.calls == ["0.25 s at 101.0"]


async def test_the_round_trip_of_an_empty_line_is_measured_before_the_first_picture_fills_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = world.watch()
    left: list[object] = []
    session.ice.selected, session.ice.proven = HOME, True
    session._send_to = lambda data, to: left.append((parse_binding_request(data).remote_ufrag, to))

    def begin(*_: object, **__: object) -> Playback:
        left.append("pictures")
        return Playback()

    monkeypatch.setattr(viewer_session, "Playback", begin)
    session._attach(new_keys())
    assert left == [(session.ice.local.ufrag, HOME), "pictures"]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """With what each playback has begun."""
    playbacks: list[dict[str, Any]] = []

    def begin(*_: object, **how: Any) -> Playback:
        playbacks.append(how)
        return Playback()

    monkeypatch.setattr(viewer_session, "Playback", begin)
    return playbacks


async def join(session: ViewerSession, answers: int, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Let its handshake go on while so many requests are answered, over a line of 300 kbit/s.

    Returns what was sent meanwhile.
    """
    done = asyncio.Event()

    async def handshake(_: DtlsLink) -> SrtpKeys:
        await done.wait()
        return new_keys()

    monkeypatch.setattr(DtlsLink, "handshake", handshake)
    sent: list[bytes] = []
    session.ice.selected = HOME
    session._send_to = lambda data, _: sent.append(data)
    connecting = asyncio.get_running_loop().create_task(session._connect())
    await asyncio.sleep(0)
    now = asyncio.get_running_loop().time()
    for number, request in enumerate(sent[:answers]):
        session.ice.round_trip = lambda *_, n=number: Answer(n, 0.0)  # type: ignore[misc]
        session.receive_response(b"", HOME, now + number * (len(request) + UDP_OCTETS) * 8 / 300_000)
    during = len(sent)
    done.set()
    await connecting
    return sent[:during]


async def test_the_line_is_measured_while_the_handshake_goes_on(
    world: World, begun: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = world.watch()
    requests = await join(session, PACKETS, monkeypatch)
    assert len({parse_binding_request(request).transaction_id for request in requests}) == PACKETS
    assert begun[0]["line"].rate == pytest.approx(300_000)
    assert session._train is None  # nobody needs it any more


async def test_a_viewer_that_answers_too_little_begins_with_the_best(
    world: World, begun: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    await join(world.watch(), 2, monkeypatch)
    assert begun[0]["line"] is None


async def test_what_another_address_has_answered_does_not_count(
    world: World, begun: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = world.watch()
    attach = session._attach

    def move_first(keys: SrtpKeys) -> object:
        session._moved(OTHER)
        return attach(keys)

    monkeypatch.setattr(session, "_attach", move_first)
    await join(session, PACKETS, monkeypatch)
    assert begun[0]["line"] is None


async def test_who_gets_no_picture_is_sent_no_train(
    world: World, begun: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = world.watch()
    monkeypatch.setattr(session, "_first_rendition", lambda: None)
    assert await join(session, 0, monkeypatch) == []


async def test_a_check_that_moves_a_viewer_moves_its_media(world: World) -> None:
    session, playback = playing(world)
    request: Any = None
    session.ice.receive_check = lambda *_: CheckResult(b"", valid=False, selected=OTHER)  # type: ignore[method-assign]
    session.receive_check(request, OTHER, world.now)
    assert playback.calls == ["move"]


async def test_the_section_of_the_picture_is_the_one_that_is_played(world: World) -> None:
    session = world.watch()
    assert session.picture_section is not None
    section = PLAY.sections[session.picture_section]
    assert (section.kind, section.mid in {track.mid for track in session.played}) == ("video", True)


async def test_only_who_is_sent_media_has_to_answer_our_requests(world: World) -> None:
    assert world.room is not None
    for session, must in ((world.room.source, False), (world.watch(), True)):
        assert isinstance(session, Session)
        session.ice.selected, session.ice.proven = HOME, True
        session.ice.touch(world.now + CONSENT_SECONDS)
        assert session.ice.consent_expired(world.now + CONSENT_SECONDS) is must


@pytest.mark.parametrize("connects", [True, False])
async def test_the_first_picture_waits_for_no_tick(
    world: World, connects: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(_: Session) -> None: ...

    monkeypatch.setattr(Session, "_connect", connect)
    session, playback = playing(world)
    if not connects:
        session._playback = None
    await session._connect()
    await asyncio.sleep(0)
    assert playback.calls == ["step"] * connects
    assert (session._pacing is not None) is connects


async def test_a_picture_that_is_due_often_is_sent_beside_the_ticks(world: World) -> None:
    session, playback = playing(world)
    playback.steps = True
    session.tick(world.now)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert playback.calls == ["tick", "step"]
    session.end(EndReason.DELETED)


async def test_what_waits_for_its_turn_since_a_request_waits_for_no_tick(world: World) -> None:
    session, playback = playing(world)
    untyped: Any = session
    untyped._srtcp_in = SimpleNamespace(unprotect_rtcp=lambda datagram: datagram)
    playback.steps = True
    for _ in range(2):
        session.receive_media(b"\x81\xcd\x00\x02" + bytes(8), HOME, world.now)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert playback.calls == ["step"]
    session.end(EndReason.DELETED)


@pytest.mark.parametrize(
    ("connected", "rendition", "seen", "heard", "lacks"),
    [
        (PICTURE_SECONDS, 1, None, 0.0, True),
        (PICTURE_SECONDS - 0.1, 1, None, 0.0, False),  # it may still come
        (None, 1, None, 0.0, False),
        (PICTURE_SECONDS, None, None, 0.0, False),  # the sound alone
        (PICTURE_SECONDS, 1, 3.0, 0.0, False),
        (PICTURE_SECONDS, 1, None, MEDIA_SECONDS, False),  # nothing is sent
    ],
)
async def test_a_viewer_lacks_a_picture_that_is_sent_and_late(
    world: World,
    connected: float | None,
    rendition: int | None,
    seen: float | None,
    heard: float,
    lacks: bool,
) -> None:
    session, playback = playing(world)
    session.connected_at = None if connected is None else world.now - connected
    playback.viewer.rendition, playback.first_picture_at = rendition, seen
    session._feed.sources[1].heard_at = world.now - heard
    assert session.lacks_picture(world.now) == lacks


@pytest.mark.parametrize(
    ("picture", "measured", "begins"), [(True, True, 1), (True, False, 0), (False, True, None)]
)
async def test_only_who_gets_a_picture_begins_with_a_rendition_the_first_that_suits(
    world: World, picture: bool, measured: bool, begins: int | None
) -> None:
    session = world.watch()
    wire = Wire(96, {}, ssrc=1) if picture else None
    session._wires = [wire, wire, Wire(111, {})]
    session._feed.ladder = Ladder.of(RENDITIONS, 0.0, ("f", "h"), 1) if measured else None
    assert session._first_rendition() == begins


async def test_why_a_viewer_gets_its_picture_is_told_if_it_has_one(world: World) -> None:
    session, playback = playing(world)
    assert (session.reason, session.rendition) == ("", None)
    playback.picture, playback.viewer.rendition = SimpleNamespace(reason="line"), 1
    assert (session.reason, session.rendition) == ("line", 1)
    session._playback = None
    assert (session.reason, session.rendition) == ("", None)


async def test_a_limit_of_size_holds_when_layers_change(world: World) -> None:
    session, playback = playing(world)
    chosen: list[str | None] = []
    playback.picture = SimpleNamespace(
        choose=lambda rid, picture: chosen.append(rid), hear=lambda is_heard: None
    )
    playback.quiet_until = world.now + 60

    def show(*sizes: tuple[int, int]) -> None:
        session._feed.ladder = Ladder.of(RENDITIONS, 0.0, ("f", "h"), 0, sizes)
        session.tick(world.now)

    show((640, 360), (320, 180))
    session.choose(None, picture=True, most=(640, 0))
    show((1280, 720), (640, 360))
    show((640, 360), (320, 180))
    session.choose("h", picture=True)
    show((1280, 720), (640, 360))
    assert chosen == [None, "h", None, "h"]


async def test_a_viewer_that_is_asked_and_answers_nothing_counts_as_unheard(world: World) -> None:
    session, playback = playing(world)
    heard: list[bool] = []
    playback.picture = SimpleNamespace(hear=lambda *, is_heard: heard.append(is_heard))
    playback.measure_seconds = session.ice._ask_seconds = math.inf  # nobody else asks
    session.ice.selected, session.ice.proven = HOME, True
    began, asked = world.now, list[bytes]()
    session._send_to = lambda request, _: asked.append(request)
    for seconds in (7.9, 8.0, 9.9):
        session.tick(began + seconds)
    assert (heard, len(asked)) == ([True] * 3, 1)  # one that sends nothing by itself may answer
    session.tick(began + 10.0)
    assert heard[3:] == [False]
    session.ice.touch(began + 10.0)
    session.tick(began + 10.2)
    assert heard[4:] == [True]
