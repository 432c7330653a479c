"""An edge takes from its origin the layers that its viewers watch, and no others."""

from dataclasses import replace
from itertools import pairwise

import pytest

from media.relay.edge_relay import layers_of
from media.relay.wanted_layers import LINGER_SECONDS
from media.rtp.rtcp import pli
from media.sessions.end_reason import EndReason
from media.tracks.track import LIVE_SECONDS
from tests.support.relay_layers import FRAME, SOUND, LayersCluster

NOTICE = 0.5  # seconds until a change at the edge shows at the origin, and a keyframe has come


@pytest.fixture
def cluster() -> LayersCluster:
    cluster = LayersCluster()
    cluster.play(0.5)
    return cluster


def layers_on(cluster: LayersCluster, seconds: float = 1.0) -> set[int]:
    """The layers that the edge gets in so much time."""
    cluster.on_the_line()
    cluster.play(seconds)
    return set(cluster.on_the_line()) - {SOUND}


def test_only_pictures_that_the_edge_takes_are_layers(cluster: LayersCluster) -> None:
    cluster.open()
    opened, feed = cluster.ask(cluster.order), cluster.edge.room.feed
    ssrcs = [track.ssrc for track in opened.tracks]
    assert layers_of(opened, feed) == dict(enumerate(ssrcs[:SOUND]))
    best, *others = opened.tracks
    unknown = replace(opened, tracks=(replace(best, payload_type=77), *others))
    assert layers_of(unknown, feed) == {1: ssrcs[1], 2: ssrcs[2]}
    single = replace(opened, tracks=(best, opened.tracks[SOUND]))
    assert layers_of(single, feed) == {}


def test_an_edge_that_joins_asks_for_a_keyframe_of_the_best_layer_only(cluster: LayersCluster) -> None:
    cluster.play(2.0)
    cluster.asked.clear()
    cluster.open()
    cluster.watch(0)
    cluster.play(2.0)
    assert {layer for asked in cluster.asked for layer in asked} == {0}


def test_before_a_viewer_is_there_the_best_layer_comes(cluster: LayersCluster) -> None:
    cluster.open()
    assert layers_on(cluster) == {0}


def test_what_viewers_watch_comes_and_what_nobody_watches_goes(cluster: LayersCluster) -> None:
    cluster.open()
    cluster.watch(0)
    viewer = cluster.watch(0)
    assert layers_on(cluster) == {0}
    viewer.aim(2)
    cluster.play(NOTICE)
    assert layers_on(cluster) == {0, 2}
    assert viewer.layers_got() == [0, 2]
    viewer.aim(1)
    cluster.play(NOTICE)
    assert layers_on(cluster) == {0, 1, 2}  # it lingers
    cluster.play(LINGER_SECONDS)
    assert layers_on(cluster) == {0, 1}


def test_when_what_viewers_watch_has_stopped_the_best_that_comes_is_there_at_once(
    cluster: LayersCluster,
) -> None:
    """A standby may have other layers than who was on."""
    cluster.open()
    cluster.watch(1)
    cluster.play(LINGER_SECONDS + 1)
    cluster.sends = set()
    assert not layers_on(cluster, LIVE_SECONDS + 0.1)
    cluster.sends = {0, 2}
    assert layers_on(cluster, NOTICE) == {0}
    assert cluster.edge.room.feed.ladder is not None
    assert cluster.edge.room.feed.ladder.first == 0


def test_a_layer_that_comes_again_goes_on_without_a_gap(cluster: LayersCluster) -> None:
    """Otherwise the edge would ask for all that it was spared, and its SRTP lose the rollover count."""
    cluster.open()
    cluster.watch(0)
    viewer = cluster.watch(2)
    cluster.play(2 * NOTICE)
    for layer in (0, 2, 1, 2, 0):
        viewer.aim(layer)
        cluster.play(LINGER_SECONDS + 2)
    assert viewer.layers_got() == [2, 0, 2, 1, 2, 0]
    for source in cluster.edge.room.feed.sources[:SOUND]:
        assert source.stats is not None
        block = source.stats.take_block(cluster.clock.now)
        assert block is None or block.packets_lost == 0
    sequences = [packet.sequence for packet in viewer.got()]
    assert all(b == (a + 1) & 0xFFFF for a, b in pairwise(sequences))
    assert cluster.stats.nacks == 0


def test_a_layer_begins_with_a_keyframe_that_is_asked_of_it_alone(cluster: LayersCluster) -> None:
    cluster.open()
    viewer = cluster.watch(0)
    cluster.play(2.0)
    cluster.asked.clear()
    cluster.on_the_line()
    viewer.aim(1)
    cluster.play(NOTICE)
    assert {layer for asked in cluster.asked for layer in asked} == {1}
    first = next(packet for packet in viewer.got() if packet.payload[2] == 1)
    assert first.payload[1] == 0


def test_requests_for_two_layers_in_one_moment_both_count(cluster: LayersCluster) -> None:
    relay = cluster.open()
    cluster.watch(0)
    cluster.watch(2)
    cluster.play(3.0)
    cluster.publisher.told.clear()
    for layer in (0, 2, 0, 2):
        stats = cluster.edge.room.feed.sources[layer].stats
        assert stats is not None
        relay.send_rtcp(pli(1, stats.ssrc))
    assert cluster.publisher.keyframe_requests() == [1, 3]


def test_an_edge_whose_viewers_want_no_picture_gets_none(cluster: LayersCluster) -> None:
    cluster.open()
    cluster.watch(None)
    cluster.play(LINGER_SECONDS + 1)
    assert layers_on(cluster) == set()


def test_an_edge_that_leaves_waits_for_no_layer() -> None:
    cluster = LayersCluster(listens=False)
    cluster.play(0.5)
    relay = cluster.open()
    cluster.watch(1)
    cluster.play(2 * NOTICE)
    assert min(sent.announced for sent in cluster.edge.room.feed.sent[:SOUND]) > 0
    sent = cluster.origin.room.feed.sent
    assert sent[1].awaiting_count == 1
    relay.end(EndReason.NO_VIEWERS)
    assert [each.awaiting_count for each in sent] == [0] * len(sent)
    copy = cluster.edge.room
    assert not any(track.live(cluster.clock.now + LIVE_SECONDS) for track in copy.tracks)


def test_lost_wishes_are_repeated(cluster: LayersCluster) -> None:
    cluster.open()
    viewer = cluster.watch(0)
    cluster.play(1.0)
    cluster.cut()
    viewer.aim(2)
    cluster.play(0.3)
    cluster.network.lost = lambda _: False
    cluster.play(1.0 + NOTICE)
    assert viewer.layers_got()[-1] == 2


def test_the_edge_learns_what_the_layers_are_that_it_does_not_get(cluster: LayersCluster) -> None:
    cluster.open()
    cluster.watch(0)
    cluster.play(3.0)
    at_origin = [track.bitrate for track in cluster.origin.room.tracks]
    at_edge = [track.bitrate for track in cluster.edge.room.tracks]
    assert min(at_origin[:SOUND]) > 0
    assert at_edge[:SOUND] == pytest.approx(at_origin[:SOUND], rel=0.2)
    cluster.origin.room.tracks[1].sent.size = (640, 360)
    cluster.sends.remove(2)
    cluster.play(3.0)
    assert cluster.edge.room.tracks[2].bitrate == 0
    cluster.origin.room.tracks[1].sent.size = None  # those of another publisher have not come yet
    cluster.play(1.0)
    assert [track.size for track in cluster.edge.room.tracks[:SOUND]] == [None, (640, 360), None]


def test_another_relay_goes_on_with_the_layers_that_are_watched(cluster: LayersCluster) -> None:
    cluster.open()
    viewers = [cluster.watch(1), cluster.watch(2)]
    cluster.play(LINGER_SECONDS + 1)
    cluster.reopen()
    assert layers_on(cluster) == {1, 2}
    seen = [len(viewer.got()) for viewer in viewers]
    cluster.play(1.0)
    assert [len(viewer.got()) - before for viewer, before in zip(viewers, seen, strict=True)] == [30, 30]
    assert [viewer.layers_got() for viewer in viewers] == [[1], [2]]


def test_a_viewer_does_not_begin_with_what_a_layer_showed_before_it_went_off() -> None:
    cluster = LayersCluster(listens=False)
    cluster.play(0.5)
    cluster.open()
    cluster.watch(1)
    for _ in range(round((LINGER_SECONDS + 2) / FRAME)):
        cluster.frame(1)
    assert layers_on(cluster) == {1}
    assert not cluster.edge.room.tracks[0].sent.has_pictures


def test_a_layer_may_come_on_right_before_its_numbers_wrap() -> None:
    """The edge takes the first number that it hears for one of the first 65,536 (RFC 3711 3.3.1)."""
    cluster = LayersCluster(listens=False)
    before = 40  # pictures
    cluster.origin.room.tracks[1].source.translator.next_index = 0x20000 - 3 - before
    cluster.frame()
    cluster.open()
    viewer = cluster.watch(0)
    viewer.aim(1)
    while cluster.frames[1] < before:
        cluster.frame()
    lost = iter(range(4))  # the first packets of the layer, up to the wrap
    cluster.network.lost = lambda data: data[1] & 0x7F == 97 and next(lost, None) is not None
    cluster.frame(1)
    cluster.play(0.5)
    cluster.frame(1)
    assert next(lost, None) is None
    assert viewer.layers_got() == [0, 1]
