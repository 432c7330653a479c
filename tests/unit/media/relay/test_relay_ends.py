"""How a relay between two workers ends, at each of them, and who continues its room."""

from collections.abc import Sequence

import pytest

from media.negotiation.agreed_tracks import PublishedTrack
from media.relay.edge_relay import ORIGIN_SILENT_SECONDS
from media.relay.origin_relay import EXPIRY_SECONDS
from media.rtp.packet import is_rtcp
from media.rtp.rtcp import receiver_report
from media.sessions.end_reason import EndReason
from tests.support.relay_world import EDGE_AT, ROOM, TRACKS, Cluster


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_a_relay_lives_on_without_media(cluster: Cluster) -> None:
    cluster.open()
    cluster.pass_time(3 * EXPIRY_SECONDS)
    assert len(cluster.relays) == 1
    assert cluster.relay.lost_at is None


def test_without_its_edge_a_relay_expires_and_nothing_is_left(cluster: Cluster) -> None:
    cluster.open()
    cluster.cut()
    cluster.pass_time(EXPIRY_SECONDS - 0.5)
    assert len(cluster.relays) == 1
    cluster.pass_time(1.0)
    assert len(cluster.relays) == 0
    assert not cluster.origin.room.feed.profiles
    assert len(cluster.origin.demux) == 0


def test_a_relay_that_never_ran_expires(cluster: Cluster) -> None:
    cluster.cut()
    cluster.open()
    cluster.pass_time(EXPIRY_SECONDS + 0.2)
    assert len(cluster.relays) == 0


def test_the_edge_notes_a_silent_origin(cluster: Cluster) -> None:
    cluster.open()
    cluster.cut()
    cluster.pass_time(ORIGIN_SILENT_SECONDS - 0.5)
    assert cluster.relay.lost_at is None
    cluster.pass_time(1.0)
    assert cluster.relay.lost_at is not None
    assert len(cluster.edge.demux) == 0


def test_while_media_comes_the_origin_is_not_silent(cluster: Cluster) -> None:
    cluster.open()
    cluster.network.lost = is_rtcp
    for _ in range(4):
        cluster.pass_time(ORIGIN_SILENT_SECONDS / 2)
        assert cluster.relay.lost_at is None
        cluster.media()
    cluster.pass_time(ORIGIN_SILENT_SECONDS + 0.1)
    assert cluster.relay.lost_at is not None


def test_an_ended_relay_does_not_begin_again_under_its_keys(cluster: Cluster) -> None:
    """RTCP of the edge may come behind its BYE, in the same turn of the socket."""
    relay = cluster.open()
    cluster.cut()
    sent = len(cluster.edge.sent)
    relay.send_rtcp(receiver_report(1, ()))
    relay.end(EndReason.NO_VIEWERS)
    report, goodbye = [datagram for _, datagram in cluster.edge.sent[sent:]]
    before = len(cluster.origin.sent)
    cluster.origin.receive([(goodbye, EDGE_AT), (report, EDGE_AT)])
    cluster.media()
    assert len(cluster.origin.sent) == before
    assert not cluster.origin.room.feed.profiles


def test_the_edge_says_goodbye(cluster: Cluster) -> None:
    relay = cluster.open()
    relay.end(EndReason.NO_VIEWERS)
    cluster.relays.tick(cluster.clock.now)
    assert len(cluster.relays) == 0
    assert not cluster.origin.room.feed.profiles
    assert len(cluster.edge.demux) == 0
    assert cluster.ended == [relay]
    relay.end(EndReason.NO_VIEWERS)
    assert cluster.ended == [relay]


@pytest.mark.parametrize(
    ("reason", "over"),
    [
        (EndReason.ROOM_CLOSED, True),
        (EndReason.DELETED, True),
        (EndReason.PUBLISHER_LEFT, True),
        (EndReason.WORKER_STOPS, False),
        (EndReason.ROOM_LOST, False),
    ],
)
def test_the_origin_says_goodbye(cluster: Cluster, reason: EndReason, over: bool) -> None:
    relay = cluster.open()
    cluster.relays.room_closed(ROOM, reason)
    assert len(cluster.relays) == 0
    assert (relay.over, relay.lost_at) == (over, cluster.clock.now)


@pytest.mark.parametrize("tracks", [TRACKS, TRACKS[::-1]])
def test_another_origin_continues_where_the_first_ended(
    cluster: Cluster, tracks: Sequence[PublishedTrack]
) -> None:
    """Whatever the order of its tracks."""
    cluster.open()
    cluster.media()
    cluster.cut()
    cluster.pass_time(ORIGIN_SILENT_SECONDS + 0.1)
    cluster.network.lost = lambda _: False
    cluster.origin.open_room(tracks, cluster.publisher.into(cluster.origin.switch))
    cluster.reopen()
    cluster.media()
    assert [p.payload_type for p in cluster.watched] == [101, 102, 101, 102]
    before, after = (p for p in cluster.watched if p.payload_type == 101)
    assert (after.ssrc, after.sequence) == (before.ssrc, before.sequence + 1)
    assert after.timestamp - before.timestamp & 0xFFFFFFFF == pytest.approx(
        90_000 * (ORIGIN_SILENT_SECONDS + 0.1), abs=9_000
    )
