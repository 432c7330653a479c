"""What the worker does for each message of the control plane."""

import time
from time import monotonic

from redis.exceptions import RedisError

from media.relay.edge import Edge
from media.rooms.rooms import Rooms
from media.sessions.end_reason import FOR_GOOD, EndReason
from media.sessions.session import Session
from media.worker.capacity import Capacity
from media.worker.drain import Drain
from media.worker.heartbeat import Heartbeat
from shared.bus.rpc import Handler
from shared.errors import ErrorCode, ServiceError, redis_away
from shared.messages.relays import OpenRelay, RelayOpened
from shared.messages.sessions import FindSessions, Living
from shared.messages.signalling import Answer, Closed, CloseRoom, Delete, Patch, Patched, Play, Publish
from shared.messages.status import Drained, SetDrain, WorkerState
from shared.names import RoomName, WorkerId
from shared.sdp.fragment import parse_fragment
from shared.sdp.offer import parse_offer


class Handlers:
    """The rooms decide; here is what has to wait: claims, and the directory told before the answer."""

    def __init__(
        self,
        rooms: Rooms,
        heartbeat: Heartbeat,
        capacity: Capacity,
        edge: Edge | None = None,
        drain: Drain | None = None,
    ) -> None:
        self._rooms = rooms
        self._heartbeat = heartbeat
        self._capacity = capacity
        self._edge = edge
        self._drain = drain

    def by_message(self) -> dict[type, Handler]:
        return {
            Publish: self.publish,
            Play: self.play,
            Patch: self.patch,
            Delete: self.delete,
            CloseRoom: self.close_room,
            OpenRelay: self.open_relay,
            FindSessions: self.find_sessions,
            SetDrain: self.set_drain,
        }

    async def publish(self, message: Publish) -> Answer:
        offer = parse_offer(message.offer)
        local, tracks, answer = self._rooms.negotiate_publish(offer)
        name = RoomName(message.room)
        with self._rooms.opening(name, message.identity, monotonic()) as is_here:
            if self._capacity.draining:
                await self._give_up(name, is_here=is_here)
            if self._capacity.draining or not is_here:
                self._capacity.check_publisher()
                await self._claim(name)
            session = self._rooms.open(
                name,
                offer,
                local,
                tracks,
                monotonic(),
                _steady(message.expires_at),
                message.identity,
            )
        await self._announce(session)
        return Answer(session=session.id, sdp=answer, etag=session.etag)

    async def _give_up(self, name: RoomName, *, is_here: bool) -> None:
        """Let another worker have a room whose publisher comes back while this one drains."""
        if is_here:
            self._rooms.close(name, EndReason.WORKER_STOPS)
        await self._heartbeat.flush()  # the claim is free when control hears that it must go elsewhere

    async def play(self, message: Play) -> Answer:
        self._capacity.check_viewer(self._rooms.viewer_count)
        offer = parse_offer(message.offer)
        name = RoomName(message.room)
        if message.origin is not None and self._edge is not None:
            await self._edge.take(name, WorkerId(message.origin))
            self._capacity.check_viewer(self._rooms.viewer_count)  # others have waited for it, too
        session, answer = self._rooms.join(
            name, offer, monotonic(), _steady(message.expires_at), message.viewers_elsewhere
        )
        await self._announce(session)
        return Answer(session=session.id, sdp=answer, etag=session.etag)

    async def patch(self, message: Patch) -> Patched:
        session = self._rooms.sessions.find(message.session, message.room, message.role)
        fragment = parse_fragment(message.fragment)
        restarts = fragment.ice_ufrag is not None and session.ice.is_restart(fragment.ice_ufrag)
        _check_precondition(message.if_match, session.etag, required=restarts)
        if not restarts or fragment.ice_ufrag is None:
            # A trickled candidate is of no use to a lite agent: the peer's checks tell its addresses.
            return Patched(etag=session.etag)
        answer = self._rooms.sessions.restart_ice(session, fragment.ice_ufrag)
        return Patched(etag=session.etag, fragment=answer)

    async def delete(self, message: Delete) -> Closed:
        reason = self._rooms.delete(message.session, message.room, message.role, monotonic())
        await self._heartbeat.flush()
        return Closed(sessions=1, reason=reason if reason in FOR_GOOD else "")

    async def close_room(self, message: CloseRoom) -> Closed:
        count = self._rooms.close(RoomName(message.room), EndReason.ROOM_CLOSED)
        await self._heartbeat.flush()
        return Closed(sessions=count)

    async def open_relay(self, message: OpenRelay) -> RelayOpened:
        return self._rooms.relays_out.open(self._rooms.find(RoomName(message.room)), message, monotonic())

    async def find_sessions(self, message: FindSessions) -> Living:
        living = self._rooms.sessions
        return Living(sessions=tuple(session for session in message.sessions if session in living))

    async def set_drain(self, message: SetDrain) -> Drained:
        assert self._drain is not None
        if message.on:
            self._drain.begin()
        else:
            self._drain.cancel()
        await self._heartbeat.flush()
        state = WorkerState.DRAINING if self._drain.is_on else WorkerState.READY
        return Drained(state=state, until=self._drain.until)

    async def _claim(self, name: RoomName) -> None:
        try:
            claimed = await self._heartbeat.claim(name)
        except BaseException as error:
            self._heartbeat.release(name)  # it may have arrived all the same
            if isinstance(error, RedisError | OSError):
                raise redis_away() from error
            raise
        if not claimed:
            raise ServiceError(ErrorCode.PUBLISHER_EXISTS)

    async def _announce(self, session: Session) -> None:
        """Let the directory know before the client does; a caller that gave up takes its session along."""
        try:
            await self._heartbeat.flush()
        except BaseException:
            session.end(EndReason.NOT_CONNECTED)
            raise


def _check_precondition(if_match: str | None, etag: str, *, required: bool) -> None:
    """RFC 9725 4.3.1 and RFC 9110 13.1.1; clients send the wildcard quoted, too."""
    if if_match is None:
        if required:
            raise ServiceError(ErrorCode.PRECONDITION_REQUIRED)
        return
    tags = {tag.strip() for tag in if_match.split(",")}
    if tags.isdisjoint({"*", '"*"', f'"{etag}"'}):
        raise ServiceError(ErrorCode.PRECONDITION_FAILED)


def _steady(unix_time: float | None) -> float | None:
    """An instant of Unix time on the steady clock."""
    return None if unix_time is None else monotonic() + unix_time - time.time()
