"""The relays of this worker's rooms to other workers: one for each room and edge."""

from media.counts import ViewerStats
from media.negotiation.candidates import Candidates
from media.relay.link import OPEN_AGAIN, ROOM_IS_OVER, Send
from media.relay.origin_relay import OriginRelay
from media.rooms.room import Room
from media.sessions.demux import Demux
from media.sessions.end_reason import EndReason
from media.switch.switch import PacketSwitch
from shared.errors import ErrorCode, ServiceError
from shared.logging import get_logger
from shared.messages.relays import OpenRelay, RelayOpened
from shared.names import RoomName, WorkerId

# After these the room may continue on another worker, and its edges must look for it.
_MOVES = (EndReason.ROOM_LOST, EndReason.WORKER_STOPS)

log = get_logger()


class Origin:
    """Owns these relays. `addresses` are where other workers reach this one."""

    def __init__(
        self,
        switch: PacketSwitch,
        demux: Demux,
        send: Send,
        stats: ViewerStats,
        addresses: Candidates,
    ) -> None:
        self._switch = switch
        self._stats = stats
        self._demux = demux
        self._send = send
        self._addresses = addresses
        self._relays: dict[RoomName, dict[WorkerId, OriginRelay]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._relays.values()))

    def open(self, room: Room | None, order: OpenRelay, now: float) -> RelayOpened:
        """Begin a relay of `room`; the same order again is the same relay.

        Raises `NO_PUBLISHER` if there is no room, if it is itself a copy, or if the order's relay has ended.
        """
        if room is None or room.origin is not None:
            raise ServiceError(ErrorCode.NO_PUBLISHER, retry_after=1)
        relays = self._relays.setdefault(room.name, {})
        edge = WorkerId(order.edge)
        former = relays.get(edge)
        if former is not None and former.order == order:
            if former.ended:
                raise ServiceError(ErrorCode.NO_PUBLISHER, retry_after=1)
            return former.opened(self._addresses.all)
        if former is not None:
            self._end(former)
        relay = relays[edge] = OriginRelay(room, order, self._switch, self._send, self._stats, now)
        self._demux.add_relay((relay.ssrc,), relay)
        log.info("relay requested", room=room.name, edge=edge)
        return relay.opened(self._addresses.all)

    def tick(self, now: float) -> None:
        """Do what is due for all relays, and end those that fail. Called several times a second."""
        for name, relays in list(self._relays.items()):
            for edge, relay in list(relays.items()):
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
            relay.say_goodbye(OPEN_AGAIN if reason in _MOVES else ROOM_IS_OVER)
            self._end(relay)

    def tracks_changed(self, name: RoomName) -> None:
        """Make the edges of a room request new relays: another publisher brought other codecs."""
        for relay in self._relays.pop(name, {}).values():
            relay.say_goodbye(OPEN_AGAIN)
            self._end(relay)

    def _end(self, relay: OriginRelay) -> None:
        relay.end()
        self._demux.remove_relay((relay.ssrc,), relay)
