"""What a room says of its picture's layers."""

import math
from types import SimpleNamespace
from typing import Any

from media.rooms.room import Room
from media.rooms.stream_watch import MEASURE_SECONDS
from media.rooms.warnings import STARVED_LAYER
from media.tracks.track import LIVE_SECONDS
from shared.messages.status import LayerStatus
from tests.support.far_end import rtp
from tests.support.layered import DELTA, layers
from tests.support.published import sound, video
from tests.support.room_source import RoomSource
from tests.support.runs import run_of
from tests.unit.media.rooms.test_room import room_of

KEYFRAME = b"\x10\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00" + bytes(89)  # VP8, 320 x 240


def test_each_layer_has_its_name_bit_rate_and_size_and_the_picture_counts_as_one_track() -> None:
    room = room_of(sound(), *layers(codec="VP8"))
    room.tick(1.0)
    for index in range(10):
        packet = rtp(index, KEYFRAME, timestamp=3000 * index)
        room.feed.sent[2].keep(run_of(packet, track=2, first=index), 1.5)
    room.tick(1.0 + MEASURE_SECONDS)
    status = room.status()
    assert status.layers == (
        LayerStatus(rid="f"),
        LayerStatus(rid="h", bitrate=8000, width=320, height=240),
        LayerStatus(rid="q"),
    )
    assert (status.tracks, status.codecs) == (2, ("opus", "VP8"))


def test_a_rendition_is_named_by_its_lines_whichever_way_the_picture_stands() -> None:
    room = room_of(sound(), *layers(codec="VP8"))
    assert room.describe(1) == "f"
    room.feed.sent[1].size = (1280, 720)
    room.feed.sent[2].size = (360, 640)
    assert [room.describe(number) for number in (1, 2, None)] == ["720p", "360p", "sound only"]
    room.feed.sent[3].size = (180, 320)
    assert [room.describe(number) for number in (4, 5)] == ["180p fewer pictures", "180p keyframes only"]


def test_a_picture_without_layers_is_one_without_a_name_and_sound_is_none() -> None:
    assert room_of(video(), sound()).status().layers == (LayerStatus(rid=""),)
    assert room_of(sound()).status().layers == ()


def test_layers_that_a_standby_lacks_are_passed_over_at_once() -> None:
    room = room_of(*layers(codec="VP8"), sound())
    for number in range(3):
        play(room, number, 1.0)
    room.tick(1.0 + MEASURE_SECONDS)
    assert room.feed.ladder is not None
    assert [each.bitrate < math.inf for each in room.feed.ladder.renditions[:3]] == [True, True, True]
    room.succeed([*layers(1, codec="VP8"), sound()], lambda _: room.source)
    play(room, 0, 2.1)
    standby: Any = SimpleNamespace(tell_reports=lambda _: None)
    room.has_switched(standby, 2.1)
    assert [each.bitrate < math.inf for each in room.feed.ladder.renditions[:3]] == [True, False, False]


# --- layers that stop


def play(room: Room, number: int, now: float, payload: bytes = KEYFRAME) -> None:
    """A picture of that layer comes."""
    track = room.tracks[number]
    track.source.heard_at = track.source.last_received = now
    index = track.source.translator.next_index
    track.source.translator.next_index += 1
    packet = rtp(index & 0xFFFF, payload, timestamp=3000 * index)
    track.sent.keep(run_of(packet, track=number, first=index), now)


def test_new_viewers_do_not_begin_with_what_a_layer_showed_before_it_stopped() -> None:
    room = room_of(*layers(codec="VP8"), sound())
    play(room, 0, 1.0)
    play(room, 1, 1.0)
    room.tick(1.1)
    assert [track.sent.has_pictures for track in room.tracks] == [True, True, False, False]
    play(room, 1, 1.0 + LIVE_SECONDS, DELTA)
    room.tick(1.1 + LIVE_SECONDS)
    assert [track.sent.has_pictures for track in room.tracks] == [False, True, False, False]
    play(room, 0, 2.0 + LIVE_SECONDS, DELTA)  # it refers to what a new viewer does not get
    assert not room.tracks[0].sent.has_pictures
    play(room, 0, 2.1 + LIVE_SECONDS)
    assert room.tracks[0].sent.has_pictures


def test_a_picture_that_stands_still_in_all_layers_is_kept_for_new_viewers() -> None:
    room = room_of(*layers(codec="VP8"), sound())
    for number in range(3):
        play(room, number, 1.0)
    room.tick(10.0 + LIVE_SECONDS)
    assert [track.sent.has_pictures for track in room.tracks] == [True, True, True, False]


def test_new_viewers_do_not_begin_with_what_a_former_publisher_sent_and_the_present_one_does_not() -> None:
    room = room_of(*layers(codec="VP8"), sound())
    for number in range(3):
        play(room, number, 1.0)
    room.succeed([*layers(1, codec="VP8"), sound()], lambda _: RoomSource())
    assert [track.sent.has_pictures for track in room.tracks] == [True, False, False, False]


def test_a_picture_that_begins_anew_in_another_layer_is_seen_at_the_next_tick() -> None:
    room = room_of(*layers(codec="VP8"), sound())
    for now in (1.0, 2.0, 3.0):
        play(room, 1, now)
        room.tick(now + 0.1)
    assert best(room) == 1
    play(room, 1, 3.0 + LIVE_SECONDS + 0.2)
    room.tick(3.3 + LIVE_SECONDS)
    silent = 3.5 + 2 * LIVE_SECONDS
    room.tick(silent)
    assert best(room) == 1  # that is what a viewer needs when it goes on
    play(room, 0, silent + 0.1)
    room.tick(silent + 0.1)
    assert best(room) == 0


def best(room: Room) -> int:
    """The rung with which new viewers begin."""
    ladder = room.feed.ladder
    assert ladder is not None
    return ladder.best_from(0)


def test_a_layer_that_starves_is_warned_of() -> None:
    room = room_of(*layers(codec="VP8"))
    for second in range(1, 5):
        for number, pictures in enumerate((2, 15, 15)):
            sent = room.feed.sent[number]
            room.tracks[number].source.last_received = room.tracks[number].source.heard_at = float(second)
            for _ in range(pictures):
                index = sent.history.next_index
                packet = rtp(index, DELTA, timestamp=3000 * index)
                sent.keep(run_of(packet, track=number, first=index), float(second))
        room.tick(float(second))
        assert list(room.warnings.texts) == [STARVED_LAYER] * (second > 2)
    room.tick(5.0 + LIVE_SECONDS)
    assert not list(room.warnings.texts)
