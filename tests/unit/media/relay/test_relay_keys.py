"""Under which keys the ends of a relay send, and what a repeated request makes of it."""

import pytest

from media.relay.edge_relay import Order
from media.rtp.libsrtp import SrtpError
from media.rtp.rtcp import receiver_report
from media.rtp.srtp import inbound_session
from media.sessions.end_reason import EndReason
from shared.errors import ErrorCode, ServiceError
from shared.messages.relays import RelayOpened
from tests.support.nonce_watch import NonceWatch
from tests.support.relay_world import Cluster


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_each_direction_of_each_relay_has_a_key_of_its_own(cluster: Cluster) -> None:
    with NonceWatch().everything() as watch:
        for _ in range(3):
            cluster.open()
            cluster.media()
    keys = {key for _, key, _, _ in watch.sealed}
    assert len(keys) == 3 * 2 + 3  # up and down, and the edge's viewers


def test_the_same_request_again_is_the_same_relay(cluster: Cluster) -> None:
    """Nothing is answered anew, and nothing is numbered anew."""
    cluster.open()
    cluster.media()
    before = dict(cluster.origin.room.feed.profiles)
    answers = [cluster.ask(cluster.order) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0].down == cluster.relay._keys.remote
    payload = cluster.media()
    assert [packet.payload for packet in cluster.watched[-2:]] == [payload, payload]
    assert cluster.origin.room.feed.profiles == before
    assert len(cluster.relays) == 1


def test_the_relay_that_was_requested_is_not_begun_again_once_it_has_ended(cluster: Cluster) -> None:
    cluster.open()
    cluster.relay.end(EndReason.NO_VIEWERS)
    with pytest.raises(ServiceError) as refused:
        cluster.ask(cluster.order)
    assert refused.value.code is ErrorCode.NO_PUBLISHER


def test_a_request_that_comes_again_behind_the_end_opens_a_relay_under_another_key(cluster: Cluster) -> None:
    """As when a worker has restarted: nothing at the origin knows the first relay any more."""
    cluster.open()
    first = cluster.ask(cluster.order)
    cluster.relay.end(EndReason.NO_VIEWERS)
    cluster.relays.tick(cluster.clock.now)
    assert cluster.ask(cluster.order).down != first.down


def test_another_request_of_an_edge_replaces_its_relay(cluster: Cluster) -> None:
    cluster.open()
    first = cluster.ask(cluster.order)
    cluster.open()
    second = cluster.ask(cluster.order)
    assert first.down != second.down
    assert len(cluster.relays) == 1


def test_what_one_end_sends_the_other_does_not_take_for_its_own(cluster: Cluster) -> None:
    """Were both to send under one key, an edge would take its own reports for the origin's."""
    relay = cluster.open()
    sent = len(cluster.edge.sent)
    relay.send_rtcp(receiver_report(1, ()))
    (_, report) = cluster.edge.sent[sent]
    with pytest.raises(SrtpError):
        inbound_session(relay._keys).unprotect_rtcp(report)


@pytest.mark.parametrize("length", [0, 27, 29])
def test_keys_of_a_wrong_length_open_nothing(cluster: Cluster, length: int) -> None:
    order = Order()
    order.up = bytes(length)
    with pytest.raises(SrtpError):
        cluster.ask(order)
    assert len(cluster.relays) == 0
    assert len(cluster.origin.demux) == 0


def test_an_edge_does_not_send_under_the_key_that_it_receives_under(cluster: Cluster) -> None:
    order = Order()
    opened = cluster.ask(order)
    same = RelayOpened(tracks=opened.tracks, started_at=0.0, addresses=opened.addresses, down=order.up)
    with pytest.raises(SrtpError, match="one key"):
        cluster.open_with(order, same)
