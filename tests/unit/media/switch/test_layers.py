"""Layers of a picture share payload types: each packet finds the track of its layer, or none.

What is remembered of SSRCs and names: `tests/unit/media/tracks/test_layer_streams.py`.
"""

import pytest

from media.tracks.layer_streams import LayerStreams
from media.tracks.source_track import SOURCE_SILENT_SECONDS
from tests.support.far_end import rtp
from tests.support.far_viewer import FarViewer
from tests.support.layered import (
    AUDIO,
    DELTA,
    KEYFRAME,
    MEDIA_TYPE,
    RIDS,
    RTX_TYPE,
    LayeredWorld,
    declared,
    got,
    layers,
)
from tests.support.published import sound

pytestmark = pytest.mark.usefixtures("each_sender")

F, H, Q = range(3)
SSRCS = (10, 20, 30)  # of the publisher's layers, best first


@pytest.fixture
def world() -> LayeredWorld:
    return LayeredWorld()


@pytest.fixture
def viewer(world: LayeredWorld) -> FarViewer:
    """It watches all layers. The first packet of each has said its name."""
    viewer = world.watch()
    for ssrc, rid in zip(SSRCS, RIDS, strict=True):
        world.send(ssrc, rid=rid)
    viewer.packets()
    return viewer


def test_the_first_packets_of_a_layer_tell_its_name_and_later_ones_need_not(world: LayeredWorld) -> None:
    viewer = world.watch()
    for ssrc, rid in zip(reversed(SSRCS), reversed(RIDS), strict=True):
        world.send(ssrc, rid.encode(), rid=rid)
        world.send(ssrc, rid.encode() * 2)
    assert got(viewer) == [(Q, b"q"), (Q, b"qq"), (H, b"h"), (H, b"hh"), (F, b"f"), (F, b"ff")]
    assert world.feed.rx_dropped == 0
    assert [source.stats and source.stats.ssrc for source in world.feed.sources] == [*SSRCS, None]


def test_the_sound_beside_layers_keeps_its_way_by_payload_type(
    world: LayeredWorld, viewer: FarViewer
) -> None:
    world.receive(world.publisher.packet(AUDIO, b"sound", timestamp=0))
    assert got(viewer) == [(AUDIO, b"sound")]
    assert world.feed.by_payload_type == {111: AUDIO}


def test_layers_do_not_take_each_other_over(world: LayeredWorld, viewer: FarViewer) -> None:
    world.now += 10 * SOURCE_SILENT_SECONDS
    world.send(30, b"alone")
    assert got(viewer) == [(Q, b"alone")]
    assert [track.live(world.now) for track in world.tracks] == [False, False, True, False]


def test_a_layer_that_starts_again_under_another_ssrc_is_followed_after_silence(
    world: LayeredWorld, viewer: FarViewer
) -> None:
    world.send(21, b"too soon", rid="h")
    world.send(20, b"still there")
    assert got(viewer) == [(H, b"still there")]
    world.now += SOURCE_SILENT_SECONDS
    world.send(21, b"again")
    assert got(viewer) == [(H, b"again")]
    world.send(20, b"the former")
    assert not got(viewer)


def test_what_a_name_teaches_must_be_authentic(world: LayeredWorld) -> None:
    stranger = LayeredWorld().publisher
    world.receive(stranger.protect(rtp(1, payload_type=MEDIA_TYPE, ssrc=10)))
    world.send(10, b"never named")
    assert world.feed.rx_dropped == 2
    assert world.feed.rx_packets == 0


# --- retransmissions


@pytest.mark.parametrize("layer", [F, H, Q])
def test_rtx_finds_its_layer_by_the_name_that_it_repairs(
    world: LayeredWorld, viewer: FarViewer, layer: int
) -> None:
    world.send(SSRCS[layer], sequence=3)
    viewer.packets()
    world.send_again(55, 2, b"lost", repairs=RIDS[layer])
    world.send_again(55, 2, b"twice")
    assert got(viewer) == [(layer, b"lost")]


def test_layers_without_names_are_found_by_declared_ssrcs_and_their_rtx_too() -> None:
    world = LayeredWorld([*declared(*SSRCS), sound()])
    viewer = world.watch()
    for ssrc in (*SSRCS, 40):
        world.send(ssrc, b"%d" % ssrc)
    assert got(viewer) == [(F, b"10"), (H, b"20"), (Q, b"30")]
    world.send(20, sequence=3)
    world.send(30)
    viewer.packets()
    world.send_again(130, 2, b"of another layer")
    world.send_again(120, 2, b"lost")
    assert got(viewer) == [(H, b"lost")]


# --- a publisher that makes things up


def test_a_flood_of_ssrcs_and_names_is_forgotten_and_does_not_move_a_layer(
    world: LayeredWorld, viewer: FarViewer
) -> None:
    for n in range(2000):
        world.send(1000 + n, rid=RIDS[n % 3] if n % 2 else f"x{n}")
        world.send(9000 + n, b"\0\1", repairs=RIDS[n % 3], payload_type=RTX_TYPE)
    assert not got(viewer)
    streams = world.feed.layers
    assert streams is not None
    assert len(streams) <= 3 * len(RIDS)
    for ssrc in SSRCS:
        world.send(ssrc, b"still")
    assert got(viewer) == [(F, b"still"), (H, b"still"), (Q, b"still")]


def test_transport_feedback_counts_what_no_layer_takes(world: LayeredWorld) -> None:
    transport = world.feed.sources[F].transport
    assert transport is not None
    assert all(source.transport is transport for source in world.feed.sources[:AUDIO])
    world.send(10, rid="f", number=1)  # reported at once
    world.send(50, rid="x", number=2)
    world.send(60, b"", payload_type=RTX_TYPE, number=3)
    world.send(20, rid="h", number=4)
    (report,) = transport.build(world.now, 10)
    assert [int.from_bytes(report[at : at + 2]) for at in (12, 14)] == [2, 3]  # the first, and how many
    assert report[20:22] == (1 << 13 | 3).to_bytes(2)  # one run, and all of it was received


# --- one publisher after another


def test_the_next_publishers_layers_continue_best_to_best_and_the_rest_rest() -> None:
    world = LayeredWorld([*layers(codec="VP8"), sound()])
    viewer = world.watch()
    for ssrc, rid in zip(SSRCS, RIDS, strict=True):
        world.send(ssrc, KEYFRAME, rid=rid)
    before = {packet.ssrc: packet.sequence for packet in viewer.packets()}
    world.succeed([*layers(2, codec="VP8"), sound()])
    assert world.tracks[Q].published.codec.feedback == frozenset()
    for ssrc, rid in ((51, "h"), (52, "f"), (53, "q")):
        world.send(ssrc, DELTA, rid=rid)
        world.send(ssrc, KEYFRAME)
    packets = viewer.packets()
    assert [(packet.payload_type - 96, packet.payload) for packet in packets] == [
        (H, KEYFRAME),
        (F, KEYFRAME),
    ]
    assert all(packet.sequence == before[packet.ssrc] + 1 for packet in packets)


def test_a_publisher_without_layers_continues_the_best_one(world: LayeredWorld, viewer: FarViewer) -> None:
    world.succeed([*layers(1), sound()])
    assert world.feed.layers is None
    world.send(77, b"one")
    assert got(viewer) == [(F, b"one")]


def test_a_room_without_layers_has_none_to_find() -> None:
    world = LayeredWorld([*layers(1), sound()])
    assert world.feed.layers is None
    assert world.feed.by_payload_type == {MEDIA_TYPE: 0, RTX_TYPE: 0, 111: 1}
    assert world.feed.sources[0].ids is None
    assert isinstance(LayeredWorld().feed.layers, LayerStreams)
