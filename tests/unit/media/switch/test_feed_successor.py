"""One publisher after another on one feed: what a viewer gets is one unbroken stream."""

from itertools import pairwise
from typing import Any

import pytest

from media.rtp.packet import RtpPacket, parse
from media.rtp.sequence import SequenceTranslator
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.switch.wire import Wire
from media.tracks.keyframe_gate import MAX_HOLD_SECONDS, KeyframeGate
from media.tracks.sent_track import SentTrack
from media.tracks.source_track import NO_PAYLOAD, SourceTrack
from tests.support.far_end import far_receiver, far_sender, new_keys, one_byte, rtp

VIDEO, AUDIO = 0, 1
ROOM_SSRCS = (0xAAAA0001, 0xBBBB0002)
KEYFRAME, DELTA = b"\x10\x00 key", b"\x10\x01 delta"
RATES = {VIDEO: 90_000, AUDIO: 48_000}
KEYS = {VIDEO: 3_000, AUDIO: 960}  # ticks from packet to packet


def source_tracks(*former: SourceTrack, types: tuple[int, int] = (96, 111)) -> list[SourceTrack]:
    tracks = []
    for number, codec in ((VIDEO, "VP8"), (AUDIO, "opus")):
        track = SourceTrack(
            types[number], RATES[number], SequenceTranslator(1000 + number, 0), KeyframeGate(codec)
        )
        if former:
            track.succeed(former[number])
        tracks.append(track)
    return tracks


class Publisher:
    """Sends into the feed under keys of its own; `payload_types` by track."""

    def __init__(self, room: "Room", payload_types: tuple[int, int], first: int, ssrc: int) -> None:
        self._room = room
        self._types = payload_types
        self._sequence = {VIDEO: first, AUDIO: first}
        self._timestamp = {VIDEO: 7 * first, AUDIO: 9 * first}
        self._ssrc = ssrc
        keys = new_keys()
        self._srtp = far_sender(keys)
        room.switch.open_source(room.feed, keys)

    def send(self, track: int, payload: bytes, extension: Any = None) -> None:
        self._sequence[track] += 1
        self._timestamp[track] += KEYS[track]
        packet = rtp(
            self._sequence[track],
            payload,
            payload_type=self._types[track],
            timestamp=self._timestamp[track],
            ssrc=self._ssrc + track,
            extension=extension,
        )
        self._room.now += KEYS[track] / RATES[track]
        self._room.switch.receive([(self._room.feed, self._srtp.protect(packet))], self._room.now)


class Room:
    """A feed with one viewer."""

    def __init__(self) -> None:
        self.now = 100.0
        self.got: list[RtpPacket] = []
        self.switch = PacketSwitch(self._transmit)
        self.feed = Feed(sent=[SentTrack(ssrc) for ssrc in ROOM_SSRCS], sources=source_tracks())
        keys = new_keys()
        self._far = far_receiver(keys)
        self.publisher = Publisher(self, (96, 111), 0x100, 0x51)
        self.switch.add_viewer(self.feed, keys, (Wire(101, {5: 7}), Wire(9, {})), ("192.0.2.1", 1))

    def _transmit(self, run: Any, size: int, _: Any) -> None:
        run = bytes(run)
        self.got += [parse(self._far.unprotect(run[at : at + size])) for at in range(0, len(run), size)]

    def change_publisher(self, types: tuple[int, int] = (96, 111), ssrc: int = 0x77) -> None:
        self.feed.take(source_tracks(*self.feed.sources, types=types))
        self.publisher = Publisher(self, types, 0x7000, ssrc)

    def of(self, track: int) -> list[RtpPacket]:
        return [packet for packet in self.got if packet.ssrc == ROOM_SSRCS[track]]


@pytest.fixture
def room() -> Room:
    room = Room()
    room.publisher.send(VIDEO, KEYFRAME)
    for _ in range(3):
        room.publisher.send(VIDEO, DELTA)
        room.publisher.send(AUDIO, b"sound")
    return room


@pytest.mark.parametrize("types", [(96, 111), (102, 8)], ids=["same numbers", "other numbers"])
@pytest.mark.parametrize("ssrc", [0x51, 0x77], ids=["same SSRC", "another SSRC"])
def test_a_viewer_sees_one_stream(room: Room, types: tuple[int, int], ssrc: int) -> None:
    room.now += 3.0
    room.change_publisher(types, ssrc)
    room.publisher.send(VIDEO, KEYFRAME)
    for _ in range(3):
        room.publisher.send(VIDEO, DELTA)
        room.publisher.send(AUDIO, b"sound")
    for track, payload_type in ((VIDEO, 101), (AUDIO, 9)):
        packets = room.of(track)
        assert {packet.payload_type for packet in packets} == {payload_type}
        assert {b.sequence - a.sequence for a, b in pairwise(packets)} == {1}
        steps = [b.timestamp - a.timestamp for a, b in pairwise(packets)]
        assert steps.count(max(steps)) == 1
        assert 3.0 < max(steps) / RATES[track] < 3.2  # as long as nothing came
        assert all(step == KEYS[track] for step in steps if step != max(steps))


def test_the_picture_goes_on_with_the_successors_keyframe_and_the_sound_at_once(room: Room) -> None:
    room.change_publisher()
    room.got.clear()
    for _ in range(4):
        room.publisher.send(VIDEO, DELTA)
    room.publisher.send(AUDIO, b"sound")
    assert [packet.payload for packet in room.got] == [b"sound"]
    room.publisher.send(VIDEO, KEYFRAME)
    room.publisher.send(VIDEO, DELTA)
    assert [packet.payload for packet in room.of(VIDEO)] == [KEYFRAME, DELTA]


def test_a_held_publisher_is_heard_all_the_same(room: Room) -> None:
    room.change_publisher()
    assert room.feed.heard_at == 0.0
    room.publisher.send(VIDEO, DELTA)
    assert room.feed.heard_at == room.now


def test_a_successor_that_sends_no_keyframe_is_let_through_in_the_end(room: Room) -> None:
    room.change_publisher()
    room.got.clear()
    room.publisher.send(VIDEO, DELTA)
    room.now += MAX_HOLD_SECONDS
    room.publisher.send(VIDEO, b"\x10\x01 at last")
    assert [packet.payload for packet in room.got] == [b"\x10\x01 at last"]


def test_the_first_publisher_is_not_held() -> None:
    room = Room()
    room.publisher.send(VIDEO, DELTA)
    assert len(room.got) == 1


def test_header_extensions_keep_their_ids_on_the_wire(room: Room) -> None:
    room.change_publisher()
    room.feed.sources[VIDEO].extension_ids = {3: 5}
    room.publisher.send(VIDEO, KEYFRAME, one_byte((3, b"o"), (5, b"other")))
    assert room.of(VIDEO)[-1].extensions == ((7, b"o"),)


def test_a_track_that_the_successor_lacks_rests(room: Room) -> None:
    room.change_publisher((NO_PAYLOAD, 111))
    room.got.clear()
    room.publisher.send(AUDIO, b"sound")
    assert len(room.got) == 1
    room.change_publisher()
    room.publisher.send(VIDEO, KEYFRAME)
    before, after = room.of(VIDEO)[-1:], [p for p in room.got if p.payload == KEYFRAME]
    assert before == after
