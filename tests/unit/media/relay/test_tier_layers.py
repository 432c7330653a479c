"""Through two tiers comes what somebody below watches, and each keyframe is asked for once."""

from collections.abc import Callable

import pytest

from media.counts import ViewerStats
from media.negotiation.candidates import Candidates
from media.relay.edge_relay import EdgeRelay, Lost, new_order, published_tracks
from media.relay.origin import Origin
from media.relay.wanted_layers import LINGER_SECONDS
from media.sessions.end_reason import EndReason
from media.transport.address import Address
from shared.names import RoomName, WorkerId
from tests.support.relay_layers import FRAME, LAYERS, RIDS, SOUND, EdgeViewer, LayersCluster
from tests.support.relay_world import EDGE, EDGE_AT, ROOM

BELOW = WorkerId("below")
BELOW_AT: Address = ("192.0.2.4", 7100)
NOTICE = 1.0  # seconds until a change below shows at the origin, and a keyframe has come
GONE = 2 * LINGER_SECONDS + NOTICE  # each tier lets a layer come for a while longer


class TiersCluster(LayersCluster):
    """The edge of a `LayersCluster` feeds another one, `below`."""

    def __init__(self) -> None:
        super().__init__()
        self.below = self._worker(BELOW_AT)
        self.fed = Origin(
            self.edge.switch, self.edge.demux, self.edge.send, ViewerStats(), Candidates([EDGE_AT]), 1
        )
        self.further: list[EdgeViewer] = []  # at `below`

    @property
    def lower(self) -> EdgeRelay:
        assert self.below.relay is not None
        return self.below.relay

    def open_below(self) -> None:
        order = new_order(ROOM, BELOW, takes=1)
        opened = self.fed.open(self.edge.room, order, self.clock.now)
        source = self._relay_into(order, opened, self.below, EDGE)
        with self.network.later():
            self.below.open_room(published_tracks(opened.tracks), source)

    def watch_below(self, layer: int | None) -> EdgeViewer:
        viewer = EdgeViewer(self, layer, next(self._ports), self.below)
        self.further.append(viewer)
        return viewer

    def frame(self, *keyframes: int) -> None:
        for viewer in self.further:
            viewer.tick()
        super().frame(*keyframes)

    def pass_time(self, seconds: float, step: float = 0.1) -> None:
        super().pass_time(seconds, step)
        if self.below.relay is not None:
            now = self.clock.now
            self.fed.tick(now)
            self.below.room.tick(now)
            self.lower.tick(now)
            self.below.send_due_rtcp(now)


@pytest.fixture
def cluster() -> TiersCluster:
    cluster = TiersCluster()
    cluster.play(0.5)
    cluster.open()
    cluster.watch(1)
    cluster.play(NOTICE)
    cluster.open_below()
    return cluster


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (EndReason.FAULT, Lost.AGAIN),
        (EndReason.ROOM_LOST, Lost.AGAIN),
        (EndReason.WORKER_STOPS, Lost.AGAIN),
        (EndReason.PUBLISHER_LEFT, Lost.OVER),
    ],
)
def test_a_copy_that_fails_says_that_the_room_goes_on(
    cluster: TiersCluster, reason: EndReason, why: Lost
) -> None:
    cluster.fed.room_closed(ROOM, reason)
    assert cluster.lower.lost is why


@pytest.mark.parametrize(("say", "elsewhere"), [(Origin.send_away, True), (Origin.tracks_changed, False)])
def test_those_below_ask_again_and_know_where_not(
    cluster: TiersCluster, say: Callable[[Origin, RoomName], None], elsewhere: bool
) -> None:
    say(cluster.fed, ROOM)
    assert cluster.lower.lost is (Lost.ELSEWHERE if elsewhere else Lost.AGAIN)
    assert cluster.lower.origin_fails is elsewhere
    assert len(cluster.fed) == 0


def test_an_edge_that_leaves_says_so_to_those_that_it_feeds(cluster: TiersCluster) -> None:
    cluster.play(1.0)
    assert not cluster.lower.origin_fails
    cluster.fed.leave(True)
    assert cluster.fed.leaving == 1
    cluster.play(1.0)
    assert cluster.lower.origin_fails
    assert cluster.lower.lost is None
    assert not cluster.fed.takes(ROOM, cluster.clock.now, besides=BELOW)
    cluster.fed.leave(False)
    cluster.play(2.0)
    assert cluster.lower.origin_fails  # another relay is asked for already
    assert cluster.fed.takes(ROOM, cluster.clock.now, besides=BELOW)


def layers_on(cluster: TiersCluster, seconds: float = 1.0) -> tuple[set[int], set[int]]:
    """The layers that the edge gets in so much time, and those that it sends down."""
    sends = (cluster.origin, EDGE_AT), (cluster.edge, BELOW_AT)
    for sender, to in sends:
        cluster.on_the_line(sender, to)
    cluster.play(seconds)
    got, sent_down = (set(cluster.on_the_line(sender, to)) - {SOUND} for sender, to in sends)
    return got, sent_down


def test_who_is_below_knows_the_layers_and_what_they_are(cluster: TiersCluster) -> None:
    cluster.watch_below(1)
    cluster.play(4.0)
    room = cluster.below.room
    assert [(track.published.rid, track.published.layer) for track in room.tracks] == [
        *zip(RIDS, LAYERS, strict=True),
        ("", 0),
    ]
    assert [track.bitrate > 0 for track in room.tracks[:3]] == [True, True, True]


def test_the_edge_takes_what_its_own_viewers_and_those_below_watch(cluster: TiersCluster) -> None:
    viewer = cluster.watch_below(2)
    cluster.play(GONE)  # the best one came before anybody was there
    assert layers_on(cluster) == ({1, 2}, {2})
    viewer.aim(0)
    cluster.play(GONE)
    assert layers_on(cluster) == ({0, 1}, {0})
    assert viewer.layers_got()[-1] == 0
    viewer.aim(1)
    cluster.play(GONE)
    assert layers_on(cluster) == ({1}, {1})


def test_what_a_viewer_below_gets_has_no_gap(cluster: TiersCluster) -> None:
    viewer = cluster.watch_below(1)
    cluster.play(NOTICE)
    before = len(viewer.got())
    cluster.play(1.0)
    numbers = [packet.sequence for packet in viewer.got()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) - before == pytest.approx(1.0 / FRAME, abs=1)


def test_viewers_of_all_tiers_that_want_a_keyframe_ask_for_one(cluster: TiersCluster) -> None:
    cluster.watch_below(1)
    cluster.play(LINGER_SECONDS + NOTICE)
    cluster.asked.clear()
    for worker in (cluster.edge, cluster.below):
        for _ in range(5):
            worker.room.publisher.want_keyframe(1, cluster.clock.now)
    cluster.play(0.5)
    assert sum(1 in asked for asked in cluster.asked) in (1, 2)
    assert all(asked <= {1} for asked in cluster.asked)


def test_who_is_below_knows_which_layers_starve(cluster: TiersCluster) -> None:
    cluster.watch_below(1)
    cluster.paces[0] = 6
    cluster.play(8.0)
    workers = cluster.origin, cluster.edge, cluster.below
    assert [[sent.starves for sent in worker.room.feed.sent[:3]] for worker in workers] == [
        [True, False, False]
    ] * 3
    assert [worker.room.feed.ladder.first for worker in workers if worker.room.feed.ladder] == [1, 1, 1]
    cluster.paces[0] = 1
    cluster.play(8.0)
    assert not any(sent.starves for worker in workers for sent in worker.room.feed.sent)
