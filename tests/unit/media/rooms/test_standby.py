"""A publisher that is not on: when it may come on, and what it has told by then."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from media.counts import PublisherStats
from media.negotiation.agreed_tracks import PublishedTrack
from media.payload.picture_id import picture_id
from media.rooms.room import new_room
from media.rooms.standby import ASK_SECONDS, CALL_SECONDS, Standby
from media.rtp.extensions import RID_EXTENSION
from media.rtp.packet import parse
from media.rtp.rtcp import ReportBlock, receiver_report, sender_report
from media.rtp.run import Run
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.tracks.track import LIVE_SECONDS
from shared.names import RoomName
from tests.support.far_end import rtp
from tests.support.layered import layers
from tests.support.published import AUDIO, VIDEO, sound, video
from tests.support.room_source import RoomSource
from tests.support.runs import run_of

KEYFRAME, DELTA = b"\x10\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00", b"\x10\x01\x00"  # VP8
NOW = 100.0
ROOM: Any = Feed([], [])  # what viewers get


class World:
    """A standby, which `comes` on when that is called for, and a publisher's feedback that it tells."""

    def __init__(self, *published: PublishedTrack, heard_at: float = 0.0) -> None:
        self.come: list[Standby] = []
        self.told: list[tuple[Any, ...]] = []
        session: Any = SimpleNamespace(send_rtcp=lambda _: None, is_alive=lambda _: True)
        self.it = Standby(
            published,
            lambda _: session,
            1,
            cname="demo",
            stats=PublisherStats(),
            unix_offset=0.0,
            come_on=lambda standby: self.come.append(standby) or ROOM,  # type: ignore[func-returns-value]
            heard_at=heard_at,
        )
        self.feedback: Any = SimpleNamespace(
            measured=lambda seconds: self.told.append((seconds,)),
            reported_earlier=lambda reports: self.told.extend(reports.values()),
        )

    def comes(self, track: int, now: float) -> None:
        """A packet of that track has come."""
        source = self.it.tracks[track].source
        source.follow(parse(rtp(1, ssrc=10 + track)), now)
        source.heard_at = source.last_received = now


def run(payload: bytes, track: int) -> Run:
    return run_of(rtp(1, payload), track=track)


def test_it_sends_from_when_it_was_last_heard_and_is_alive_before_that() -> None:
    for heard_at in (NOW, 0.0):
        standby = World(video(), sound(), heard_at=heard_at).it
        later = NOW + CALL_SECONDS + 0.01
        assert [standby.sends(NOW), standby.sends(later)] == [heard_at > 0, False]
        assert [standby.is_alive(NOW), standby.is_alive(later)] == [True, heard_at == 0]
    assert not World(video(), heard_at=CALL_SECONDS).it.sends(2 * CALL_SECONDS)


@pytest.mark.parametrize(
    ("wanted", "late", "runs", "comes"),
    [
        (True, False, [run(KEYFRAME, VIDEO)], True),
        (True, False, [run(b"sound", AUDIO), run(KEYFRAME, VIDEO)], True),
        (True, False, [run(DELTA, VIDEO)], False),
        (True, False, [run(KEYFRAME, AUDIO)], False),
        (True, True, [run(KEYFRAME, VIDEO)], False),
        (False, False, [run(KEYFRAME, VIDEO)], False),
    ],
)
def test_it_comes_on_where_a_picture_of_the_present_begins_if_it_is_wanted(
    wanted: bool, late: bool, runs: Sequence[Run], comes: bool
) -> None:
    world = World(video(), sound())
    world.comes(VIDEO, NOW)
    world.it.resumption.note_media = lambda *_: late  # type: ignore[method-assign]
    world.it.want(NOW, wanted=wanted)
    assert world.it.take(runs, NOW) is (ROOM if comes else None)
    assert world.come == [world.it] * comes


def test_a_picture_that_begins_after_the_sound_is_waited_for() -> None:
    world = World(video(), sound())
    world.it.want(NOW, wanted=True)
    heard = [run(b"sound", AUDIO)]
    for now in (NOW, NOW + 1.0, NOW + LIVE_SECONDS - 0.1):
        assert world.it.take(heard, now) is None
    assert world.it.take(heard, NOW + LIVE_SECONDS) is ROOM  # none comes
    world.it.want(NOW, wanted=False)
    again = NOW + LIVE_SECONDS + CALL_SECONDS + 0.1
    assert world.it.take(heard, again) is None
    world.it.want(again, wanted=True)
    assert world.it.take(heard, again + 0.1) is None  # it hung, and now begins anew
    world.comes(VIDEO, again + 0.2)
    assert world.it.take([run(KEYFRAME, VIDEO)], again + 0.2) is ROOM


def test_sound_alone_comes_on_at_once() -> None:
    world = World(sound())
    world.it.want(NOW, wanted=True)
    assert world.it.take([run(b"sound", 0)], NOW) is ROOM


def test_its_pictures_keep_their_own_numbers_for_the_room_to_number_them() -> None:
    """The burst with which it comes on goes into the room as it came, as the next ones do."""
    published = layers(2, codec="VP8")
    standby = World(*published).it
    standby.feed.srtp = SimpleNamespace(unprotect=lambda datagram: datagram, open=lambda *_: None)  # type: ignore[assignment]
    seen: list[int | None] = []
    standby.take = lambda runs, _: seen.extend(  # type: ignore[method-assign, assignment]
        picture_id("VP8", payload).value for run in runs for payload in run.payloads()
    )
    switch = PacketSwitch(lambda _: lambda *_: None)
    rid = published[0].extensions[RID_EXTENSION]
    for number in range(3):
        for layer, first in enumerate((20_000, 15_000)):
            name = published[layer].rid.encode()
            named = bytes((rid << 4 | len(name) - 1,)) + name
            picture = b"\x90\x80" + (first + number | 0x8000).to_bytes(2) + KEYFRAME
            datagram = rtp(
                number,
                picture,
                payload_type=published[0].codec.payload_type,
                ssrc=20 + layer,
                marker=True,
                extension=(0xBEDE, named + bytes(-len(named) % 4)),
            )
            switch.receive([(standby.feed, [datagram])], NOW + number / 30)
    assert seen == [20_000, 15_000, 20_001, 15_001, 20_002, 15_002]


def test_its_picture_is_asked_for_a_keyframe_again_and_again_while_it_is_wanted() -> None:
    world = World(video(), sound())
    asked: list[str] = []
    feedback: Any = world.it._feedback
    feedback.request_keyframe = lambda track: asked.append(track.kind)
    for later, wanted, times in (
        (0.0, False, 0),
        (0.0, True, 1),
        (ASK_SECONDS - 0.01, True, 1),
        (ASK_SECONDS, True, 2),
        (2 * ASK_SECONDS, False, 2),
    ):
        world.it.want(NOW + later, wanted=wanted)
        assert asked == ["video"] * times


def test_it_tells_the_latest_report_of_each_stream_that_is_believed() -> None:
    world = World(video(), sound())
    for track in (VIDEO, AUDIO):
        world.comes(track, NOW)
    feedback: Any = world.it._feedback
    feedback.believe = lambda _, now: now < NOW + 1.0
    block = ReportBlock(1, 0, 0, 0, 0, 0, 0)
    said = [receiver_report(10 + track, [block] * count) for count, track in ((1, 0), (2, 0), (1, 1), (1, 2))]
    for at, compound in enumerate(said):
        world.it.receive(compound, NOW + at / 8)
    world.it.receive(receiver_report(10 + VIDEO, []), NOW + 1.0)
    for seconds in (0.25, 0.125, 0.5):
        world.it.measured(seconds)
    world.it.tell_reports(world.feedback)
    assert world.told == [(0.125,), (said[1], NOW + 0.125), (said[2], NOW + 0.25)]


@pytest.mark.parametrize("comes_after", [0.0, 0.3])  # the sound, in seconds
def test_each_stream_plays_by_its_report_once_it_comes_on(comes_after: float) -> None:
    """The burst that brings it on has a keyframe, and no sound."""
    published = [video("VP8"), sound()]
    room = new_room(RoomName("demo"), published, lambda _: RoomSource(), NOW, PublisherStats())
    standby = World(*published).it
    switch = PacketSwitch(lambda _: lambda *_: None)
    opened: Any = SimpleNamespace(unprotect=lambda datagram: datagram, open=lambda *_: None)

    def come_on(standby: Standby) -> Feed:
        room.succeed(standby.published, lambda _: RoomSource())
        room.feed.srtp = opened
        room.feed.after_burst[standby] = lambda now: room.has_switched(standby, now)
        return room.feed

    def send(feed: Feed, track: int, number: int, now: float) -> None:
        captured = int((now - (0.3, 0.05)[track]) * (90_000, 48_000)[track])
        payload = KEYFRAME if track == VIDEO else b"a"
        kind = published[track].codec.payload_type
        datagram = rtp(number, payload, payload_type=kind, timestamp=captured, ssrc=20 + track)
        switch.receive([(feed, [datagram])], now)

    standby._come_on = come_on
    standby.feed.srtp = opened
    for track in (VIDEO, AUDIO):
        send(standby.feed, track, 0, NOW)
        report = sender_report(20 + track, int(NOW * 2**32), int(NOW * (90_000, 48_000)[track]), 1, 1)
        standby.receive(report, NOW)
    standby.want(NOW + 0.02, wanted=True)
    send(standby.feed, VIDEO, 1, NOW + 0.02)
    room.tick(NOW + 0.1)
    now = NOW + 0.1 + comes_after
    room.tick(now)
    send(room.feed, AUDIO, 1, now)
    room.tick(now + 0.01)
    for track, age in ((VIDEO, 0.3), (AUDIO, 0.05)):
        clock, last = room.tracks[track].clock, room.tracks[track].source
        assert clock.age(last.last_timestamp, last.last_received) == pytest.approx(age, abs=0.001)
