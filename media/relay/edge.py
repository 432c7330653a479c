"""The rooms that this worker takes from others: each opened with its first viewer, closed behind its last.

A copy outlives its relay. When the origin is silent, the room's owner is looked up in the directory and asked
for another relay, each second, for as long as a publisher may take to come back; viewers stay and go on.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from redis.exceptions import RedisError

from media.relay.edge_end import Order, RelayIn, published_tracks
from media.relay.link import Send
from media.rooms.rooms import Rooms
from media.sessions.end_reason import EndReason
from shared.bus.directory import Directory
from shared.bus.rpc_client import RpcClient
from shared.errors import ServiceError
from shared.logging import get_logger
from shared.messages.relays import RelayOpened
from shared.names import RoomName, WorkerId, new_request_id

LINGER_SECONDS = 5.0  # behind the last viewer: the next one needs no new relay
RETRY_SECONDS = 1.0
RPC_SECONDS = 0.8  # within the time that control gives the viewer's request

log = get_logger()


@dataclass(slots=True, eq=False)
class _Copy:
    relay: RelayIn
    idle_since: float
    try_at: float = 0.0
    attempt: asyncio.Task[None] | None = None


class Edge:
    """Owns this worker's copies. For `grace` seconds a copy waits for its room's next owner."""

    def __init__(
        self,
        worker: WorkerId,
        rooms: Rooms,
        directory: Directory,
        rpc: RpcClient,
        send: Send,
        grace: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._worker = worker
        self._rooms = rooms
        self._directory = directory
        self._rpc = rpc
        self._send = send
        self._grace = grace
        self._clock = clock
        self._copies: dict[RoomName, _Copy] = {}
        self._openings: dict[RoomName, asyncio.Task[None]] = {}

    async def take(self, name: RoomName, origin: WorkerId) -> None:
        """Have the room here, by a relay from `origin` if need be; raises `ServiceError`.

        First viewers that come at once share one opening. It goes on when one of them gives up.
        """
        if origin == self._worker or self._rooms.find(name) is not None:
            return
        opening = self._openings.get(name)
        if opening is None:
            opening = self._openings[name] = asyncio.create_task(self._open(name, origin))
            opening.add_done_callback(lambda task: self._opened(name, task))
        await asyncio.shield(opening)

    def _opened(self, name: RoomName, task: asyncio.Task[None]) -> None:
        del self._openings[name]
        if not task.cancelled():
            task.exception()  # was raised to whoever still waits

    async def _open(self, name: RoomName, origin: WorkerId) -> None:
        order = Order()
        opened = await self._ask(name, origin, order)
        if self._rooms.find(name) is not None:  # meanwhile somebody publishes here
            return
        now = self._clock()
        relay = self._relay(name, origin, order)
        room = self._rooms.open_room(name, relay, published_tracks(opened.tracks), now)
        room.started_at, room.identity = opened.started_at, opened.identity
        self._copies[name] = _Copy(relay, idle_since=now)
        relay.connect(opened, now)
        log.info("relay opened", room=name, origin=origin)

    def _relay(self, name: RoomName, origin: WorkerId, order: Order) -> RelayIn:
        return RelayIn(name, origin, order, self._rooms.demux, self._send, self._relay_ended)

    async def _ask(self, name: RoomName, origin: WorkerId, order: Order) -> RelayOpened:
        return await self._rpc.call(
            origin,
            order.message(name, self._worker),
            RelayOpened,
            timeout=RPC_SECONDS,
            request_id=new_request_id(),
        )

    def _relay_ended(self, relay: RelayIn) -> None:
        copy = self._copies[relay.room]
        if copy.relay is not relay:  # another one came in its place
            return
        del self._copies[relay.room]
        if copy.attempt is not None:
            copy.attempt.cancel()

    def tick(self, now: float) -> None:
        """Let time pass for all copies, and end those that break. Called some times a second."""
        for name, copy in list(self._copies.items()):
            try:
                self._tick(name, copy, now)
            except Exception:
                log.exception("a copy broke", room=name)
                self._rooms.close(name, EndReason.FAULT)

    def _tick(self, name: RoomName, copy: _Copy, now: float) -> None:
        relay = copy.relay
        relay.tick(now)
        room = self._rooms.find(name)
        if room is not None and room.viewers:
            copy.idle_since = now
        if now - copy.idle_since >= LINGER_SECONDS:
            self._rooms.close(name, EndReason.NO_VIEWERS)
        elif relay.over or (relay.lost_at is not None and now - relay.lost_at >= self._grace):
            self._rooms.close(name, EndReason.PUBLISHER_LEFT)
        elif relay.lost_at is not None and copy.attempt is None and now >= copy.try_at:
            copy.try_at = now + RETRY_SECONDS
            copy.attempt = asyncio.create_task(self._open_again(name, copy))

    async def _open_again(self, name: RoomName, copy: _Copy) -> None:
        try:
            owner = await self._directory.room_owner(name)
            if owner is None and not copy.relay.has_run:
                self._close(copy)  # the room ended while the relay was opened: nobody was there to say so
                return
            if owner is None or owner == self._worker:
                return
            order = Order()
            self._go_on(copy, owner, order, await self._ask(name, owner, order))
        except (RedisError, OSError) as error:
            log.warning("relay not opened again", room=name, error=type(error).__name__)
        except ServiceError as error:
            log.warning("relay not opened again", room=name, error=error.code)
        except Exception:
            log.exception("relay not opened again", room=name)
        finally:
            copy.attempt = None

    def _go_on(self, copy: _Copy, origin: WorkerId, order: Order, opened: RelayOpened) -> None:
        """Let a copy go on with another relay, if it is of the same publisher."""
        name = copy.relay.room
        room = self._rooms.find(name)
        assert room is not None
        former, copy.relay = copy.relay, self._relay(name, origin, order)
        if self._rooms.hand_over(room, copy.relay, published_tracks(opened.tracks), opened.identity):
            copy.relay.connect(opened, self._clock())
            log.info("relay opened again", room=name, origin=origin)
        else:
            copy.relay = former
            self._close(copy)

    def _close(self, copy: _Copy) -> None:
        """From within its attempt, which goes on."""
        copy.attempt = None
        self._rooms.close(copy.relay.room, EndReason.PUBLISHER_LEFT)

    async def close(self) -> None:
        """Give up what is under way; the rooms are closed by whoever owns them."""
        tasks = list(self._openings.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
