"""A relay between two workers on a wire of this test: what flows, what is forged, its keys, and its ends."""

import random
import secrets
from collections.abc import Sequence
from dataclasses import replace

import pytest

from media.counts import ViewerStats
from media.negotiation.agreed_tracks import PublishedTrack
from media.negotiation.candidates import Candidates
from media.relay import edge_relay, origin_relay
from media.relay.edge_relay import Lost, new_order
from media.relay.link import KEEP_ALIVE_SECONDS, MOVE_SECONDS, SILENT_SECONDS
from media.relay.messages import takes_edges
from media.relay.origin import Origin
from media.relay.origin_relay import EXPIRY_SECONDS
from media.relay.tiers import LAST_TIER
from media.rtp.libsrtp import SrtpError
from media.rtp.packet import is_rtcp
from media.rtp.rtcp import receiver_report, sender_report
from media.rtp.srtp import inbound_session
from media.sessions.end_reason import EndReason
from media.tracks.keyframe_requests import LASTING_SECONDS
from shared.errors import ErrorCode, ServiceError
from shared.messages.relays import RelayOpened
from shared.names import WorkerId
from tests.support.far_end import rtp
from tests.support.layered import layers
from tests.support.nonce_watch import NonceWatch
from tests.support.published import sound
from tests.support.relay_world import EDGE, EDGE_AT, NOWHERE, ORIGIN_AT, ROOM, TRACKS, Cluster
from tests.support.runs import run_of

LOSS, PACKETS = 0.1, 1000


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_a_packet_travels_over_two_workers_with_its_extensions(cluster: Cluster) -> None:
    cluster.open()
    payload = cluster.media()
    video, audio = cluster.watched
    assert (video.payload_type, audio.payload_type) == (101, 102)
    assert (video.payload, audio.payload) == (payload, payload)
    assert (video.extensions, audio.extensions) == ((), ((3, b"\x55"),))


def test_nothing_flows_before_the_edge_has_said_hello(cluster: Cluster) -> None:
    cluster.ask(new_order(ROOM, EDGE))
    cluster.media()
    assert not cluster.origin.sent


def test_a_lost_hello_is_sent_again(cluster: Cluster) -> None:
    cluster.cut()
    cluster.open()
    cluster.network.lost = lambda _: False
    cluster.pass_time(0.3)
    cluster.media()
    assert len(cluster.watched) == 2


def test_after_the_hello_only_the_address_that_answered_is_used(cluster: Cluster) -> None:
    cluster.open()
    tried = [to for to, _ in cluster.edge.sent]
    cluster.pass_time(3 * KEEP_ALIVE_SECONDS)
    assert tried == [NOWHERE, ORIGIN_AT]
    assert {to for to, _ in cluster.edge.sent[2:]} == {ORIGIN_AT}


def test_the_edge_may_move(cluster: Cluster) -> None:
    cluster.open()
    cluster.edge.at = NOWHERE
    cluster.network.workers[NOWHERE] = cluster.edge
    cluster.pass_time(MOVE_SECONDS + KEEP_ALIVE_SECONDS)
    cluster.media()
    assert cluster.origin.sent[-1][0] == NOWHERE
    assert len(cluster.watched) == 2


def test_what_is_forged_moves_and_ends_nothing(cluster: Cluster) -> None:
    relay = cluster.open()
    hello, answer = cluster.edge.sent[0][1], cluster.origin.sent[0][1]
    for place in (-1, 12):
        cluster.clock.now += MOVE_SECONDS
        for real, end in ((hello, cluster.origin), (answer, cluster.edge)):
            end.receive([(real, NOWHERE), (real[:place] + bytes(len(real))[place:], NOWHERE)])
        cluster.relays.tick(cluster.clock.now)
        relay.tick(cluster.clock.now)
    cluster.media()
    assert len(cluster.watched) == 2
    assert {to for to, _ in cluster.origin.sent} == {EDGE_AT}


def test_opening_asks_the_publisher_for_a_keyframe_and_so_do_the_edges_viewers(cluster: Cluster) -> None:
    cluster.media()
    cluster.open()
    assert cluster.publisher.keyframe_requests() == [1]
    cluster.media()
    cluster.pass_time(1.0)
    cluster.publisher.told.clear()
    for _ in range(10):
        cluster.edge.room.publisher.want_keyframe(0, cluster.clock.now)
    assert cluster.publisher.keyframe_requests() == [1]


@pytest.mark.parametrize("seed", range(3))
def test_packets_lost_between_workers_are_recovered(cluster: Cluster, seed: int) -> None:
    chance = random.Random(seed)
    cluster.open()
    cluster.network.lost = lambda _: chance.random() < LOSS
    for _ in range(PACKETS):
        cluster.media(0)
        cluster.pass_time(0.020, step=0.005)
    cluster.network.lost = lambda _: False
    cluster.media(0)  # shows whether the one before is missing
    cluster.pass_time(1.0, step=0.005)
    numbers = [packet.sequence for packet in cluster.watched]
    assert len(numbers) == len(set(numbers))
    assert len(numbers) == PACKETS + 1
    assert cluster.stats.retransmissions > PACKETS * LOSS * 0.7


def test_keyframe_requests_of_an_edges_viewers_count_as_much_as_those_of_others(cluster: Cluster) -> None:
    cluster.open()
    cluster.media()
    cluster.pass_time(2.0)
    cluster.publisher.told.clear()
    for _ in range(20):
        cluster.edge.room.publisher.want_keyframe(0, cluster.clock.now)
        cluster.media()
        cluster.pass_time(LASTING_SECONDS + 0.2)
    assert len(cluster.publisher.keyframe_requests()) >= 19


def test_an_edge_gets_the_pictures_since_the_last_keyframe(cluster: Cluster) -> None:
    """The publisher has not proven that it answers requests: its next keyframe may be far away."""
    first = cluster.media(0)
    cluster.open()
    assert [p.payload for p in cluster.watched] == [first]
    cluster.pass_time(1.0)
    assert len(cluster.watched) == 1


def test_a_copy_is_not_copied_where_there_are_no_tiers(cluster: Cluster) -> None:
    cluster.open()
    edge = cluster.edge
    relays = Origin(edge.switch, edge.demux, edge.send, ViewerStats(), Candidates(()), 0)
    with pytest.raises(ServiceError) as refused:
        relays.open(cluster.edge.room, new_order(ROOM, WorkerId("third")), cluster.clock.now)
    assert refused.value.code is ErrorCode.WORKER_FULL
    with pytest.raises(ServiceError) as refused:
        relays.open(None, new_order(ROOM, WorkerId("third")), cluster.clock.now)
    assert (refused.value.code, refused.value.retry_after) == (ErrorCode.NO_PUBLISHER, 1)


def test_a_relay_lives_on_without_media(cluster: Cluster) -> None:
    cluster.open()
    cluster.pass_time(3 * EXPIRY_SECONDS)
    assert len(cluster.relays) == 1
    assert cluster.relay.lost is None


def test_without_its_edge_a_relay_expires_and_nothing_is_left(cluster: Cluster) -> None:
    cluster.open()
    cluster.cut()
    heard_at = cluster.clock.now
    for after, left in ((EXPIRY_SECONDS - 0.5, 1), (EXPIRY_SECONDS, 0)):
        cluster.relays.tick(heard_at + after)
        assert len(cluster.relays) == left
    assert not any(cluster.origin.room.feed.profiles)
    assert len(cluster.origin.demux) == 0
    assert not cluster.relays._relays


def test_a_relay_runs_when_its_origin_was_heard(cluster: Cluster) -> None:
    cluster.network.lost = is_rtcp
    relay = cluster.open()
    assert not relay.has_run
    cluster.network.lost = lambda _: False
    cluster.pass_time(2 * KEEP_ALIVE_SECONDS)
    assert relay.has_run


def test_a_relay_of_the_publisher_itself_need_not_be_replaced_before_its_worker_leaves(
    cluster: Cluster,
) -> None:
    cluster.open()
    cluster.relays.leave(True)
    assert cluster.relays.leaving == 0


def test_an_edge_counts_until_it_is_silent(cluster: Cluster) -> None:
    cluster.open()
    now = cluster.clock.now
    assert [cluster.relays.feeds(ROOM, now + after) for after in (0, SILENT_SECONDS - 0.01)] == [1, 1]
    assert cluster.relays.feeds(ROOM, now + SILENT_SECONDS) == 0
    cluster.relay.end(EndReason.NO_VIEWERS)
    assert cluster.relays.feeds(ROOM, now) == 0


def test_the_origin_sends_others_to_an_edge_that_takes_them() -> None:
    cluster = Cluster(most=1)

    def named() -> str:
        order = new_order(ROOM, WorkerId("third"), takes=0)
        return cluster.relays.open(cluster.origin.room, order, cluster.clock.now).instead

    cluster.ask(new_order(ROOM, EDGE))
    assert named() == ""  # it has not said that it takes any
    cluster.relays.room_closed(ROOM, EndReason.ROOM_LOST)
    cluster.ask(new_order(ROOM, EDGE, takes=1))
    assert named() == EDGE
    cluster.relays.room_closed(ROOM, EndReason.ROOM_LOST)
    cluster.takes = 1
    cluster.open()
    assert [named(), named()] == [EDGE, ""]  # it has one place, until it says so again
    cluster.relays.room_closed(ROOM, EndReason.ROOM_LOST)
    cluster.takes = 1
    cluster.open()
    cluster.relay.is_replaced = True
    cluster.pass_time(2 * KEEP_ALIVE_SECONDS)
    assert named() == ""


def test_a_copy_of_the_last_tier_or_without_a_relay_feeds_nobody(cluster: Cluster) -> None:
    relay = cluster.open()
    assert relay.may_feed
    assert relay.tier == 1
    relay.tier = LAST_TIER
    assert not relay.may_feed
    relay.tier = 1
    cluster.relays.room_closed(ROOM, EndReason.ROOM_LOST)
    assert not relay.may_feed


def test_a_relay_that_meets_a_fault_of_ours_ends_alone(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.open()
    monkeypatch.setattr(origin_relay, "read_takes", lambda _: 1 / 0)
    cluster.relay.send_rtcp(receiver_report(1, ()) + takes_edges(1, 1))
    assert len(cluster.relays) == 1
    cluster.relays.tick(cluster.clock.now)
    assert len(cluster.relays) == 0
    assert not any(cluster.origin.room.feed.profiles)


def test_a_fault_of_ours_at_the_edge_is_raised_by_its_next_tick(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = cluster.open()
    monkeypatch.setattr(edge_relay, "says_leaves", lambda _: 1 / 0)
    cluster.clock.now += KEEP_ALIVE_SECONDS
    cluster.relays.tick(cluster.clock.now)
    with pytest.raises(ZeroDivisionError):
        relay.tick(cluster.clock.now)


@pytest.mark.parametrize(("drawn", "ssrc"), [(0, 1), (0xFFFFFFFD, 0xFFFFFFFE)])
def test_no_relay_has_an_ssrc_that_others_take_for_none(
    monkeypatch: pytest.MonkeyPatch, drawn: int, ssrc: int
) -> None:
    monkeypatch.setattr(secrets, "randbelow", lambda below: min(drawn, below - 1))
    assert new_order(ROOM, EDGE).ssrc == ssrc


def test_the_edge_notes_a_silent_origin(cluster: Cluster) -> None:
    cluster.open()
    cluster.cut()
    heard_at = cluster.relay.heard_at
    for after, lost in ((SILENT_SECONDS - 0.5, None), (SILENT_SECONDS, Lost.SILENT)):
        cluster.relay.tick(heard_at + after)
        assert cluster.relay.lost is lost
    assert cluster.relay.origin_fails  # whoever else has the room shall feed it
    assert len(cluster.edge.demux) == 0


def test_while_media_comes_the_origin_is_not_silent(cluster: Cluster) -> None:
    cluster.open()
    cluster.network.lost = is_rtcp
    for _ in range(4):
        cluster.pass_time(SILENT_SECONDS / 2)
        assert cluster.relay.lost is None
        cluster.media()
    cluster.pass_time(SILENT_SECONDS + 0.1)
    assert cluster.relay.lost is Lost.SILENT


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
    assert not any(cluster.origin.room.feed.profiles)


def test_the_edge_says_goodbye(cluster: Cluster) -> None:
    relay = cluster.open()
    relay.end(EndReason.NO_VIEWERS)
    cluster.relays.tick(cluster.clock.now)
    assert len(cluster.relays) == 0
    assert not any(cluster.origin.room.feed.profiles)
    assert len(cluster.edge.demux) == 0
    assert cluster.ended == [relay]
    relay.end(EndReason.NO_VIEWERS)
    assert cluster.ended == [relay]
    assert cluster.edge.room.feed.srtp is None  # its key is forgotten


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (EndReason.ROOM_CLOSED, Lost.OVER),
        (EndReason.DELETED, Lost.OVER),
        (EndReason.PUBLISHER_LEFT, Lost.OVER),
        (EndReason.WORKER_STOPS, Lost.AGAIN),
        (EndReason.ROOM_LOST, Lost.AGAIN),
        (EndReason.CUT_OFF, Lost.AGAIN),
        (EndReason.FAULT, Lost.OVER),
    ],
)
def test_the_origin_says_goodbye(cluster: Cluster, reason: EndReason, why: Lost) -> None:
    relay = cluster.open()
    cluster.relays.room_closed(ROOM, reason)
    assert len(cluster.relays) == 0
    assert (relay.lost, relay.lost_at) == (why, cluster.clock.now)
    assert not relay.origin_fails


@pytest.mark.parametrize("tracks", [TRACKS, TRACKS[::-1]])
def test_another_origin_continues_where_the_first_ended(
    cluster: Cluster, tracks: Sequence[PublishedTrack]
) -> None:
    """Whatever the order of its tracks."""
    cluster.open()
    cluster.media()
    cluster.cut()
    cluster.pass_time(SILENT_SECONDS + 0.1)
    cluster.network.lost = lambda _: False
    cluster.origin.open_room(tracks, cluster.publisher.into(cluster.origin.switch))
    cluster.reopen()
    cluster.media()
    assert [p.payload_type for p in cluster.watched] == [101, 102, 101, 102]
    before, after = (p for p in cluster.watched if p.payload_type == 101)
    assert (after.ssrc, after.sequence) == (before.ssrc, before.sequence + 1)
    assert after.timestamp - before.timestamp & 0xFFFFFFFF == pytest.approx(
        90_000 * (SILENT_SECONDS + 0.1), abs=9_000
    )


@pytest.mark.parametrize(("had", "goes_on"), [(1, True), (3, True), (4, False)])
def test_an_edge_goes_on_in_the_pictures_of_the_keyframe_that_it_has_had(
    cluster: Cluster, had: int, goes_on: bool
) -> None:
    """One that has had more has had another one, which was alike, as those of a still picture are."""
    for number, payload in enumerate((b"\x10\x00key", b"\x10\x01delta", b"\x10\x01delta"), 1):
        datagram = cluster.publisher.packet(0, payload, sequence=number, timestamp=3000 * number)
        cluster.origin.forward([(cluster.origin.room.feed, [datagram])])
    held = origin_relay.held_keyframe(cluster.origin.room)
    assert held is not None
    opened = cluster.ask(new_order(ROOM, EDGE, held=held._replace(packets=had)))
    assert opened.keyframe_at == ((held.first & 0xFFFF, held.timestamp) if goes_on else None)
    other = held._replace(digest=bytes(32))
    assert cluster.ask(new_order(ROOM, EDGE, held=other)).keyframe_at is None
    assert cluster.ask(new_order(ROOM, EDGE)).keyframe_at is None


def test_layers_begin_anew_with_a_keyframe() -> None:
    """Each worker numbers their pictures."""
    cluster = Cluster([*layers(codec="VP8"), sound()])
    best = cluster.origin.room.tracks[0].sent
    for index, payload in enumerate((b"\x10\x00key", b"\x10\x01delta"), 1):
        best.keep(run_of(rtp(index, payload, timestamp=3000 * index), first=index), cluster.clock.now)
    assert best.held_keyframe() is not None
    assert origin_relay.held_keyframe(cluster.origin.room) is None


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
    before = set(cluster.origin.room.feed.viewers)
    answers = [cluster.ask(cluster.order) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0].down == cluster.relay._keys.remote
    payload = cluster.media()
    assert [packet.payload for packet in cluster.watched[-2:]] == [payload, payload]
    assert cluster.origin.room.feed.viewers == before
    assert len(cluster.relays) == 1


def test_a_relay_that_has_ended_is_not_begun_again_but_by_another_one_under_another_key(
    cluster: Cluster,
) -> None:
    cluster.open()
    first = cluster.ask(cluster.order)
    cluster.relay.end(EndReason.NO_VIEWERS)
    with pytest.raises(ServiceError) as refused:
        cluster.ask(cluster.order)
    assert (refused.value.code, refused.value.retry_after) == (ErrorCode.NO_PUBLISHER, 1)
    cluster.relays.tick(cluster.clock.now)  # now nothing knows the first one, as when a worker has restarted
    assert cluster.ask(cluster.order).down != first.down


def test_another_request_of_an_edge_replaces_its_relay(cluster: Cluster) -> None:
    cluster.open()
    first = cluster.ask(cluster.order)
    cluster.open()
    second = cluster.ask(cluster.order)
    assert first.down != second.down
    assert len(cluster.relays) == 1
    assert len(cluster.origin.room.feed.viewers) == 1


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
    order = replace(new_order(ROOM, EDGE), up=bytes(length))
    with pytest.raises(SrtpError):
        cluster.ask(order)
    assert len(cluster.relays) == 0
    assert len(cluster.origin.demux) == 0


def test_an_edge_does_not_send_under_the_key_that_it_receives_under(cluster: Cluster) -> None:
    order = new_order(ROOM, EDGE)
    opened = cluster.ask(order)
    same = RelayOpened(tracks=opened.tracks, started_at=0.0, addresses=opened.addresses, down=order.up)
    with pytest.raises(SrtpError, match="one key"):
        cluster.open_with(order, same)


def test_the_edge_learns_how_far_its_origin_is(cluster: Cluster) -> None:
    cluster.open()
    cluster.media()
    playback = cluster.relays._relays[ROOM][EDGE]._playback
    assert playback is not None
    playback.feedback.rtt = 0.1
    cluster.pass_time(KEEP_ALIVE_SECONDS)
    assert cluster.edge.room.tracks[0].clock.publisher.way == pytest.approx(0.05)


def test_the_edge_knows_how_old_media_is_by_its_origin_s_reports(cluster: Cluster) -> None:
    """By a publisher's clock that is decades wrong; what it captured came 80 ms later."""
    cluster.open()
    feed, ssrc = cluster.origin.room.feed, cluster.publisher.ssrcs[0]
    for number in range(1, 30):
        ticks = 9_000 * number
        packet = cluster.publisher.packet(0, b"\x10\x00", sequence=number, timestamp=ticks)
        cluster.origin.forward([(feed, [packet])])
        report = sender_report(ssrc, (9 << 60) + (number << 32) // 10, ticks, 1, 1)
        cluster.origin.room.publisher.receive(report, cluster.clock.now - 0.08)
        cluster.pass_time(0.1)
    told = [worker.room.publisher.delay for worker in (cluster.origin, cluster.edge)]
    assert told == [pytest.approx(0.08, abs=0.01)] * 2
