"""What a room says of its picture's layers."""

from types import SimpleNamespace
from typing import Any

from media.counts import PublisherStats
from media.negotiation.agreed_tracks import PublishedTrack
from media.rooms.new_room import new_room
from media.rooms.room import MEASURE_SECONDS, Room
from media.rtp.packet import parse
from media.tracks.outgoing import Outgoing
from shared.messages.status import LayerStatus
from shared.names import RoomName
from tests.support.far_end import rtp
from tests.support.layered import layers
from tests.support.published import sound, video

KEYFRAME = b"\x10\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00" + bytes(89)  # VP8, 320 x 240


def room_of(*published: PublishedTrack) -> Room:
    source: Any = SimpleNamespace(send_rtcp=lambda _: None, origin=None, is_alive=lambda _: True)
    return new_room(RoomName("demo"), published, lambda _: source, 0.0, PublisherStats())


def test_each_layer_has_its_name_bit_rate_and_size_and_the_picture_counts_as_one_track() -> None:
    room = room_of(sound(), *layers(codec="VP8"))
    room.tick(1.0)
    for index in range(10):
        room.feed.sent[2].keep(Outgoing(2, 1, index, 3000 * index, parse(rtp(index, KEYFRAME))), 1.5)
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
