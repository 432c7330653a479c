"""This worker's copies of other workers' rooms. Each opens with its first viewer and closes after its last.

A copy outlives its relay. When the relay is lost, the edge looks the room's owner up in the directory and
asks it for another relay. It tries that each second, for as long as a publisher may take to come back. The
viewers stay, and continue with the new relay. When the worker that feeds it says that it leaves, the edge
asks in the same way, and keeps the former relay until it has another one.

A copy may feed further edges (`tiers.py`); it lives for as long as it does.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from time import monotonic

from redis.exceptions import RedisError

from media.relay.asking import Asking
from media.relay.edge_relay import EdgeRelay, Lost, Taken, published_tracks
from media.relay.link import Send
from media.relay.origin import Origin
from media.relay.origin_relay import held_keyframe
from media.relay.tiers import LAST_TIER
from media.rooms.publisher_life import is_same
from media.rooms.rooms import Rooms
from media.sessions.demux import Demux
from media.sessions.end_reason import EndReason
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.tracks.sent_track import HeldKeyframe
from media.tracks.track import fits
from shared.directory.directory import Directory
from shared.errors import ServiceError
from shared.names import RoomName, WorkerId
from shared.rpc.client import RpcClient
from shared.telemetry.failure import in_words
from shared.telemetry.logging import get_logger

LINGER_SECONDS = 5.0  # after the last viewer: the next one needs no new relay
RETRY_SECONDS = 1.0
LEAST_SECONDS = 2 * RETRY_SECONDS  # for two attempts: the room may be well where its publisher is

log = get_logger()


@dataclass(slots=True, eq=False)
class _Copy:
    relay: EdgeRelay
    idle_since: float  # when a viewer was last here
    try_at: float = 0.0  # not before this, another relay is requested
    lost_since: float | None = None  # since when no relay has run; None: one runs, or may still begin to
    is_unheard: bool = False  # it was logged that nothing comes over its relays
    attempt: asyncio.Task[None] | None = None  # to get another relay


class Edge:
    """Owns this worker's copies. A copy waits `grace` seconds for its room's next owner, or for two attempts.

    `fed` are the relays from here to other edges.
    """

    def __init__(
        self,
        worker: WorkerId,
        rooms: Rooms,
        switch: PacketSwitch,
        demux: Demux,
        send: Send,
        directory: Directory,
        rpc: RpcClient,
        fed: Origin,
        grace: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._worker = worker
        self._rooms = rooms
        self._switch = switch
        self._demux = demux
        self._directory = directory
        self._asking = Asking(worker, rpc, clock)
        self._fed = fed
        self._send = send
        self._grace = max(grace, LEAST_SECONDS)
        self._clock = clock
        self._copies: dict[RoomName, _Copy] = {}
        self._openings: dict[RoomName, asyncio.Task[None]] = {}

    async def take(self, name: RoomName, origin: WorkerId) -> None:
        """Make sure that the room is here, over a relay from `origin` if needed. Raises `ServiceError`.

        Viewers that arrive at the same time share one opening. It continues when one of them gives up.
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
            task.exception()  # mark it as retrieved: it is raised to the callers that still wait

    async def _open(self, name: RoomName, origin: WorkerId) -> None:
        taken = await self._ask(name, origin)
        if self._rooms.find(name) is not None:  # meanwhile a publisher has come to this worker
            return
        now, opened = self._clock(), taken.opened

        def relay_into(feed: Feed) -> EdgeRelay:
            relay = self._relay(name, taken, feed)
            self._copies[name] = _Copy(relay, idle_since=now)
            return relay

        self._rooms.open(
            name,
            published_tracks(opened.tracks),
            relay_into,
            now,
            identity=opened.identity,
            started_at=opened.started_at,
        )
        log.info("relay opened", room=name, origin=taken.parent, tier=opened.tier + 1)

    def _relay(self, name: RoomName, taken: Taken, feed: Feed) -> EdgeRelay:
        return EdgeRelay(
            name,
            taken,
            feed,
            self._switch,
            self._demux,
            self._send,
            self._relay_ended,
            self._clock(),
            lambda: self._fed.takes(name, self._clock()),
        )

    async def _ask(
        self,
        name: RoomName,
        owner: WorkerId,
        avoid: Collection[WorkerId] = (),
        held: HeldKeyframe | None = None,
    ) -> Taken:
        now = self._clock()
        return await self._asking.relay(
            name,
            owner,
            feeds=self._fed.feeds(name, now),
            takes=self._fed.takes(name, now),
            avoid=avoid,
            held=held,
        )

    def _relay_ended(self, relay: EdgeRelay) -> None:
        copy = self._copies[relay.room]
        if copy.relay is not relay:  # another relay has replaced it
            return
        del self._copies[relay.room]
        if copy.attempt is not None:
            copy.attempt.cancel()

    def tick(self, now: float) -> None:
        """Do what is due for all copies, and close those that fail. Called several times a second."""
        for name, copy in list(self._copies.items()):
            try:
                self._tick(name, copy, now)
            except Exception:
                log.exception("unexpected error in a copy of a room", room=name)
                self._rooms.close(name, EndReason.FAULT)

    def _tick(self, name: RoomName, copy: _Copy, now: float) -> None:
        relay = copy.relay
        relay.tick(now)
        room = self._rooms.find(name)
        if room is not None and (room.viewers or now < room.offered_until or self._fed.feeds(name, now)):
            copy.idle_since = now
        if relay.lost and copy.lost_since is None:
            copy.lost_since = relay.lost_at
        elif not relay.lost and relay.has_run:
            copy.lost_since, copy.is_unheard = None, False
        waited = copy.lost_since is not None and now - copy.lost_since >= self._grace
        if now - copy.idle_since >= LINGER_SECONDS:
            self._rooms.close(name, EndReason.NO_VIEWERS)
        elif relay.lost is Lost.OVER or (relay.lost and waited):
            self._rooms.close(name, EndReason.PUBLISHER_LEFT)
        elif (relay.lost or relay.origin_leaves) and copy.attempt is None and now >= copy.try_at:
            copy.try_at = now + RETRY_SECONDS
            relay.is_replaced = True
            if not relay.has_run:  # the origin answers, but nothing comes from there
                self._fed.send_away(name)
            copy.attempt = asyncio.create_task(self._open_again(name, copy))

    async def _open_again(self, name: RoomName, copy: _Copy) -> None:
        former = copy.relay
        try:
            owner = await self._directory.room_owner(name)
            if owner is None and not former.has_run:
                # the room ended before the relay ran: no goodbye could arrive
                self._rooms.close(name, EndReason.PUBLISHER_LEFT)
                return
            if owner is None or owner == self._worker:
                return
            avoid = [former.origin] if former.origin_fails and former.origin is not None else []
            room = self._rooms.find(name)
            held = None if room is None else held_keyframe(room)
            self._succeed(copy, await self._ask(name, owner, avoid, held), held)
        except (RedisError, OSError) as error:
            log.warning("relay not reopened", room=name, error=in_words(error))
        except ServiceError as error:
            log.warning("relay not reopened", room=name, error=error.code)
        except Exception:
            log.exception("relay not reopened", room=name)
        finally:
            copy.attempt, former.is_replaced = None, False

    def _succeed(self, copy: _Copy, taken: Taken, held: HeldKeyframe | None) -> None:
        """Feed a copy from another relay if that has the same publisher; otherwise close the copy.

        In one life of a room its publisher's credentials may change: when it comes on after its standby.
        """
        name = copy.relay.room
        room = self._rooms.find(name)
        assert room is not None
        if not copy.relay.has_run and not copy.is_unheard:
            copy.is_unheard = True
            log.warning(
                "a worker answers, but nothing comes over its relay: look at its MEDIA_RELAY_IPS, and "
                "whether firewalls let UDP pass between both workers",
                room=name,
                origin=copy.relay.origin,
                edge=self._worker,
            )
        opened = taken.opened
        tracks = published_tracks(opened.tracks)
        goes_on = opened.started_at == room.started_at or is_same(room.identity, opened.identity)
        if not goes_on or not fits(room.tracks, tracks):
            self._rooms.close(name, EndReason.PUBLISHER_LEFT)
            return
        room.is_copy_of(opened.identity, opened.started_at)

        def relay_into(feed: Feed) -> EdgeRelay:
            copy.relay = self._relay(name, taken, feed)
            return copy.relay

        self._rooms.succeed(room, tracks, relay_into)
        if held is not None and opened.keyframe_at is not None:
            picture = next(track for track in room.tracks if track.kind == "video")
            picture.source.rejoin(*opened.keyframe_at, held.first, held.timestamp)
        if copy.relay.tier >= LAST_TIER:
            self._fed.send_away(name)
        log.info("relay reopened", room=name, origin=taken.parent, tier=copy.relay.tier)

    async def close(self) -> None:
        """Cancel the openings that are under way. `Rooms` closes the copies."""
        tasks = list(self._openings.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
