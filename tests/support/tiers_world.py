"""Three workers in a chain and a room whose picture has three layers; viewers at the edge and below it."""

from collections.abc import Callable

from media.counts import ViewerStats
from media.negotiation.candidates import Candidates
from media.relay.edge_relay import EdgeRelay, Taken, new_order, published_tracks
from media.relay.origin import Origin
from media.rtp.packet import is_rtcp
from media.switch.feed import Feed
from media.transport.address import Address
from shared.messages.relays import OpenRelay, RelayOpened
from shared.names import WorkerId
from tests.support.relay_layers import EdgeViewer, LayersCluster
from tests.support.relay_world import EDGE, EDGE_AT, ROOM

BELOW = WorkerId("below")
BELOW_AT: Address = ("192.0.2.4", 7100)


class TiersCluster(LayersCluster):
    """The edge of a `LayersCluster` feeds another one, `below`."""

    def __init__(self) -> None:
        super().__init__()
        self.below = self._worker(BELOW_AT)
        self.fed = Origin(
            self.edge.switch, self.edge.demux, self.edge.send, ViewerStats(), Candidates([EDGE_AT]), 1
        )
        self.lower: EdgeRelay | None = None
        self.further: list[EdgeViewer] = []  # at `below`

    def open_below(self) -> None:
        order = new_order(ROOM, BELOW, takes=1)
        opened = self.fed.open(self.edge.room, order, self.clock.now)
        with self.network.later():
            self.below.open_room(published_tracks(opened.tracks), self._into(order, opened))

    def _into(self, order: OpenRelay, opened: RelayOpened) -> Callable[[Feed], EdgeRelay]:
        def source(feed: Feed) -> EdgeRelay:
            self.lower = EdgeRelay(
                ROOM,
                Taken(EDGE, order, opened),
                feed,
                self.below.switch,
                self.below.demux,
                self.below.send,
                self.ended.append,
                self.clock.now,
                lambda: 0,
            )
            return self.lower

        return source

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
        if self.lower is not None:
            now = self.clock.now
            self.fed.tick(now)
            self.below.room.tick(now)
            self.lower.tick(now)
            self.below.send_due_rtcp(now)

    def below_on_the_line(self) -> list[int]:
        """The layer of each packet that has come to `below` since the last call."""
        sent, self.edge.sent = self.edge.sent, []
        types = [data[1] & 0x7F for to, data in sent if to == BELOW_AT and not is_rtcp(data)]
        return [payload_type - 96 for payload_type in types]
