"""The relays of this worker's rooms to other workers: one for each room and edge.

It feeds rooms whose publisher is here, and copies, which other edges get from this one (`tiers.py`).
"""

from media.counts import ViewerStats
from media.negotiation.candidates import Candidates
from media.relay.link import OPEN_AGAIN, OPEN_ELSEWHERE, ROOM_IS_OVER, Send
from media.relay.origin_relay import OriginRelay
from media.relay.tiers import instead, places
from media.rooms.room import Room
from media.sessions.demux import Demux
from media.sessions.end_reason import EndReason
from media.switch.switch import PacketSwitch
from shared.errors import ErrorCode, ServiceError
from shared.messages.relays import OpenRelay, RelayOpened
from shared.names import RoomName, WorkerId
from shared.telemetry.logging import get_logger

# After these the room may continue on another worker, and its edges must look for it.
_MOVES = (EndReason.ROOM_LOST, EndReason.WORKER_STOPS, EndReason.CUT_OFF)

log = get_logger()


class Origin:
    """Owns these relays. `addresses` are where other workers reach this one.

    `most`: how many edges it feeds with one room, before those feed others; 0: any number.
    """

    def __init__(
        self,
        switch: PacketSwitch,
        demux: Demux,
        send: Send,
        stats: ViewerStats,
        addresses: Candidates,
        most: int,
    ) -> None:
        self._switch = switch
        self._stats = stats
        self._demux = demux
        self._send = send
        self._addresses = addresses
        self._most = most
        self._leaves = False
        self._relays: dict[RoomName, dict[WorkerId, OriginRelay]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._relays.values()))

    def open(self, room: Room | None, order: OpenRelay, now: float) -> RelayOpened:
        """Begin a relay of `room`, or name an edge that has one; the same order again is the same relay.

        Raises `NO_PUBLISHER` if there is no room, or none that feeds others, or if the order's relay has
        ended, and `WORKER_FULL` if it is a copy that feeds as many as it should.
        """
        if room is None or not room.may_feed:
            raise ServiceError(ErrorCode.NO_PUBLISHER, retry_after=1)
        edge = WorkerId(order.edge)
        if room.origin is not None and not self.takes(room.name, now, besides=edge):
            raise ServiceError(ErrorCode.WORKER_FULL, detail="it feeds as many edges as it should")
        relays = self._relays.get(room.name, {})
        former = relays.get(edge)
        if former is not None and former.order == order:
            if former.ended:
                raise ServiceError(ErrorCode.NO_PUBLISHER, retry_after=1)
            return former.opened(self._addresses.all)
        if room.origin is None and (other := instead(relays.values(), order, self._most, now)):
            return self._sent_on(other, order)
        if former is not None:
            self._end(former)
        relays = self._relays.setdefault(room.name, relays)
        relay = relays[edge] = OriginRelay(room, order, self._switch, self._send, self._stats, now)
        self._demux.add_relay((relay.ssrc,), relay)
        log.info("relay requested", room=room.name, edge=edge)
        return relay.opened(self._addresses.all)

    def _sent_on(self, other: OriginRelay, order: OpenRelay) -> RelayOpened:
        """The answer that names another edge, which has one place less from now on."""
        other.takes -= 1
        log.info("edge sent on", room=order.room, edge=order.edge, to=other.edge)
        return RelayOpened(tracks=(), started_at=0.0, addresses=(), down=b"", instead=other.edge)

    def feeds(self, name: RoomName, now: float) -> int:
        """How many edges get this room from here."""
        return sum(relay.is_heard(now) for relay in self._relays.get(name, {}).values())

    def takes(self, name: RoomName, now: float, besides: str = "") -> int:
        """How many more edges would get a copy from here; the edge `besides` does not count."""
        fed = self._relays.get(name, {}).values()
        return 0 if self._leaves else places(fed, self._most, now, besides)

    def leave(self, on: bool) -> None:
        """This worker is about to leave, or stays after all: others shall feed the edges of its copies."""
        self._leaves = on

    @property
    def leaving(self) -> int:
        """How many relays of copies are to be replaced before this worker leaves."""
        relays = (relay for each in self._relays.values() for relay in each.values())
        return sum(self._leaves and relay.is_of_copy for relay in relays)

    def tick(self, now: float) -> None:
        """Do what is due for all relays, and end those that fail. Called several times a second."""
        for name, relays in list(self._relays.items()):
            for edge, relay in list(relays.items()):
                relay.leaves = self._leaves and relay.is_of_copy
                try:
                    relay.tick(now)
                except Exception:
                    log.exception("unexpected relay error", room=name, edge=edge)
                    relay.end()
                if relay.ended:
                    self._end(relays.pop(edge))
            if not relays:
                del self._relays[name]

    def room_closed(self, name: RoomName, reason: EndReason) -> None:
        """Tell the edges of a room that it has ended here."""
        for relay in self._relays.pop(name, {}).values():
            goes_on = reason in _MOVES or (reason is EndReason.FAULT and relay.is_of_copy)
            relay.say_goodbye(OPEN_AGAIN if goes_on else ROOM_IS_OVER)
            self._end(relay)

    def tracks_changed(self, name: RoomName) -> None:
        """Another publisher brought other codecs: the edges must know them."""
        self._say_goodbye(name, OPEN_AGAIN)

    def send_away(self, name: RoomName) -> None:
        """Make the edges of a copy request relays from other workers."""
        self._say_goodbye(name, OPEN_ELSEWHERE)

    def _say_goodbye(self, name: RoomName, reason: bytes) -> None:
        for relay in self._relays.pop(name, {}).values():
            relay.say_goodbye(reason)
            self._end(relay)

    def _end(self, relay: OriginRelay) -> None:
        relay.end()
        self._demux.remove_relay((relay.ssrc,), relay)
