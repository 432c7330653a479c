"""A publisher may send more layers than the room takes: what comes of the others is expected, and ignored.

How packets find the layers that are taken: `tests/unit/media/switch/test_layers.py`.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from media.negotiation.agreed_tracks import LeftOut
from media.rtp.extensions import RID_EXTENSION, TRANSPORT_CC_EXTENSION
from media.rtp.packet import RtpPacket, parse
from media.rtp.rtcp import ReceiverReport, parse_compound
from media.tracks.layer_streams import LayerStreams
from media.tracks.reception import ReceptionStats
from media.tracks.track import new_tracks
from tests.support.far_end import one_byte, rtp
from tests.support.layered import (
    MEDIA_TYPE,
    REPAIRED_RID,
    RID,
    RTX_TYPE,
    TRANSPORT_CC,
    LayeredWorld,
    declared,
    got,
    layers,
)
from tests.support.published import sound

SSRCS = (10, 20, 30)


def named() -> LayeredWorld:
    """The layers f, h and q are taken, x is left out."""
    left_out = LeftOut(rids=frozenset({"x"}))
    return LayeredWorld([*(replace(track, left_out=left_out) for track in layers()), sound()])


def known_by_ssrc() -> LayeredWorld:
    """The SSRC 15, whose RTX is 115, is left out."""
    left_out = LeftOut(ssrcs=frozenset({15, 115}))
    return LayeredWorld([*(replace(track, left_out=left_out) for track in declared(*SSRCS)), sound()])


@pytest.mark.parametrize(("begin", "rid"), [(named, "x"), (known_by_ssrc, "")], ids=["rid", "ssrc"])
def test_packets_of_a_layer_that_is_left_out_go_nowhere_and_are_no_alarm(
    begin: Callable[[], LayeredWorld], rid: str
) -> None:
    world = begin()
    viewer = world.watch()
    for sequence in (1, 2, 9):
        world.send(15, rid=rid, sequence=sequence)
    world.send(115, b"\0\1again", repairs=rid, payload_type=RTX_TYPE)
    assert not viewer.packets()
    assert (world.feed.rx_packets, world.feed.rx_dropped) == (0, 0)


def test_a_layer_that_is_left_out_is_asked_for_nothing_and_not_reported() -> None:
    world = named()
    world.send(10, rid="f")
    for sequence in (1, 2, 9):
        world.send(15, rid="x", sequence=sequence)
    world.publisher.told.clear()
    for _ in range(20):
        world.now += 0.1
        for number in range(3):
            world.feedback.want_keyframe(number, world.now)
        world.feedback.send_due_rtcp(world.now)
        world.feedback.tick(world.now)
    said = [packet for told in world.publisher.told for packet in parse_compound(told)]
    assert {
        block.ssrc for report in said if isinstance(report, ReceiverReport) for block in report.blocks
    } == {10}
    assert not any(getattr(packet, "media_ssrc", 10) == 15 for packet in said)


def test_nothing_is_learnt_of_a_layer_that_is_left_out() -> None:
    world = named()
    world.send(15, rid="x")
    assert world.feed.layers is not None
    assert len(world.feed.layers) == 0
    world.send(15, b"says nothing")
    assert world.feed.rx_dropped == 1
    viewer = world.watch()
    world.send(15, b"of the room", rid="q")
    assert got(viewer) == [(2, b"of the room")]


def packet(ssrc: int, *extensions: tuple[int, bytes], again: bool = False) -> RtpPacket:
    extension = one_byte(*extensions) if extensions else None
    return parse(rtp(ssrc=ssrc, payload_type=RTX_TYPE if again else MEDIA_TYPE, extension=extension))


def test_a_name_is_remembered_for_media_and_for_what_comes_again() -> None:
    sources = {n: track.source for n, track in enumerate(new_tracks(layers(), 0.0))}
    streams = LayerStreams(sources)
    assert streams.find(packet(0), 1.0) is None
    assert streams.known(0) is None
    assert streams.find(packet(0, (RID, b"h")), 1.0) == 1
    assert streams.find(packet(0), 1.0) == 1
    assert streams.known(0) == 1
    assert streams.find(packet(20, again=True), 1.0) is None
    assert streams.find(packet(20, (RID, b"h"), again=True), 1.0) is None  # that names media only
    assert streams.find(packet(20, (REPAIRED_RID, b"h"), again=True), 1.0) == 1
    assert streams.find(packet(20, again=True), 1.0) == 1
    assert streams.known(20) is None
    assert len(streams) == 2
    for ssrc in (11, 12):  # of one name those remain that the track follows, and the latest
        assert streams.find(packet(ssrc, (RID, b"h")), 1.0) == 1
        assert streams.find(packet(10 + ssrc, (REPAIRED_RID, b"h"), again=True), 1.0) == 1
    assert [streams.known(ssrc) for ssrc in (0, 11, 12)] == [None, None, 1]
    assert [streams.find(packet(ssrc, again=True), 1.0) for ssrc in (20, 21, 22)] == [None, None, 1]
    sources[1].stats = ReceptionStats(12, 90_000)
    for ssrc in (13, 14):
        assert streams.find(packet(ssrc, (RID, b"h")), 1.0) == 1
    assert [streams.known(ssrc) for ssrc in (12, 13, 14)] == [1, None, 1]


def test_without_an_extension_for_it_nothing_that_comes_again_names_its_layer() -> None:
    published = [
        replace(track, extensions={RID_EXTENSION: RID, TRANSPORT_CC_EXTENSION: TRANSPORT_CC})
        for track in layers()
    ]
    streams = LayerStreams({n: track.source for n, track in enumerate(new_tracks(published, 0.0))})
    assert streams.find(packet(20, (RID, b"h"), again=True), 1.0) is None
    assert streams.find(packet(20, (RID, b"h")), 1.0) == 1


def test_what_goes_nowhere_has_been_carried_all_the_same() -> None:
    tracks = new_tracks(layers(), 0.0)
    streams = LayerStreams({n: track.source for n, track in enumerate(tracks)})
    transport = tracks[0].source.transport
    assert transport is not None
    assert streams.find(packet(10, (RID, b"f"), (TRANSPORT_CC, b"\0\1")), 1.0) == 0
    assert not transport.due(1.0)  # who forwards it tells
    assert streams.find(packet(15, (RID, b"x"), (TRANSPORT_CC, b"\0\1")), 1.0) is None
    assert transport.due(1.0)


def test_what_named_its_layers_before_it_stood_by_is_known_by_its_ssrcs_when_it_is_on() -> None:
    """Under the numbers of the room that it sends into now, which may be others."""
    before, now_on = named(), LayeredWorld([*reversed(layers()), sound()])
    for ssrc, rid in ((15, "f"), (16, "q")):
        before.send(ssrc, rid=rid, sequence=1)
        before.send(ssrc + 100, b"\0\1again", repairs=rid, payload_type=RTX_TYPE)
    assert before.feed.layers is not None
    assert now_on.feed.layers is not None
    now_on.feed.layers.go_on(before.feed.layers)
    assert [now_on.feed.layers.known(ssrc) for ssrc in (15, 16, 17)] == [2, 0, None]
    again = [packet(ssrc, again=True) for ssrc in (115, 116, 117)]
    assert [now_on.feed.layers.find(one, 1.0) for one in again] == [2, 0, None]
    assert len(now_on.feed.layers) == 4
