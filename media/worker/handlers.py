"""What the worker does for each RPC message, from control or from another worker."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from redis.exceptions import RedisError

from media.relay.edge import Edge
from media.rooms.server_offers import VALID_SECONDS
from media.sessions.end_reason import FOR_GOOD, EndReason
from media.sessions.session import Session
from media.sessions.viewer_session import ViewerSession
from media.switch.rendition import is_within
from media.transport.ice import Credentials
from media.worker.capacity import Capacity
from media.worker.drain import Drain
from media.worker.heartbeat import Heartbeat
from media.worker.media_plane import MediaPlane
from media.worker.moderation import Moderation
from media.worker.session_traces import SessionTraces
from shared.errors import ErrorCode, ServiceError, redis_away
from shared.messages.relays import OpenRelay, RelayOpened
from shared.messages.sessions import FindSessions, Living
from shared.messages.signalling import (
    Answer,
    AnswerOffer,
    ChooseLayer,
    Closed,
    CloseRoom,
    Delete,
    LayerChosen,
    Patch,
    Patched,
    Play,
    Publish,
    Role,
    Switched,
    SwitchRoom,
)
from shared.messages.status import Drained, SetDrain, WorkerState
from shared.names import RoomName, WorkerId, cut_session
from shared.rpc.request import Handler
from shared.sdp.encoding import decode_fragment, decode_offer
from shared.telemetry.tracing import trace_here


class Handlers:
    """Serves the requests that await Redis or the disk, such as claims of rooms.

    The directory must know before the client does: a reply goes along with what changed (`Heartbeat.along`).
    The decisions are in `media.rooms`, which never waits. `unix_clock` is the clock by which control counts.
    """

    def __init__(
        self,
        plane: MediaPlane,
        heartbeat: Heartbeat,
        capacity: Capacity,
        edge: Edge,
        drain: Drain,
        unix_clock: Callable[[], float],
        moderation: Moderation,
        traces: SessionTraces,
    ) -> None:
        self._plane = plane
        self._rooms = plane.rooms
        self._admission = plane.admission
        self._roster = plane.roster
        self._origin = plane.origin
        self._heartbeat = heartbeat
        self._capacity = capacity
        self._edge = edge
        self._drain = drain
        self._unix_clock = unix_clock
        self._moderation = moderation
        self._traces = traces

    def by_message(self) -> dict[type, Handler]:
        return {
            Publish: self.publish,
            Play: self.play,
            Patch: self.patch,
            AnswerOffer: self.answer_offer,
            ChooseLayer: self.choose_layer,
            Delete: self.delete,
            CloseRoom: self.close_room,
            SwitchRoom: self.switch_room,
            OpenRelay: self.open_relay,
            FindSessions: self.find_sessions,
            SetDrain: self.set_drain,
        }

    async def publish(self, message: Publish) -> Answer:
        self._check_allowed(message)
        offer = decode_offer(message.offer)
        local, tracks, answer = self._admission.negotiate_publish(offer, over_ipv6=":" in message.network)
        name = RoomName(message.room)
        stands_by = message.stands_by
        with self._admission.opening(name, message.identity, monotonic(), stands_by=stands_by) as is_here:
            if self._capacity.draining and is_here and stands_by:  # it would end what is on
                raise ServiceError(ErrorCode.NO_WORKER, detail="the room's worker drains")
            if self._capacity.draining:
                await self._give_up(name, is_here=is_here)
                is_here = False
            if not is_here:
                self._capacity.check_publisher()
            if not (is_here and stands_by):  # the room counts for who is on
                await self._claim(name, message.network, is_here=is_here)
            self._check_still_allowed(message, name)
            session = self._admission.publish(
                name,
                offer,
                local,
                tracks,
                monotonic(),
                self._steady(message.expires_at),
                message.identity,
                message.token,
                message.network,
                stands_by=stands_by,
                alone=message.alone,
            )
        self._traces.follow(session, name, trace_here())
        await self._change(session, name)
        return Answer(session=session.id, sdp=answer, etag=session.etag)

    async def _give_up(self, name: RoomName, *, is_here: bool) -> None:
        """Release a room to another worker: its publisher came back while this worker drains."""
        if is_here:
            self._rooms.close(name, EndReason.WORKER_STOPS)
        await self._heartbeat.flush(name)  # the claim must be free before control tries another worker

    async def play(self, message: Play) -> Answer:
        self._check_allowed(message)
        self._capacity.check_viewer(self._plane.viewers_at(monotonic()))
        offer = decode_offer(message.offer) if message.offer else None
        name = RoomName(message.room)
        if message.origin is not None:
            await self._edge.take(name, WorkerId(message.origin))
            # others waited for the same relay
            self._capacity.check_viewer(self._plane.viewers_at(monotonic()))
            self._check_allowed(message)  # a ruling may have come meanwhile
        if offer is None:
            return self._offer(message)
        try:
            session, answer = self._admission.join(
                name,
                offer,
                monotonic(),
                self._steady(message.expires_at),
                message.viewers_elsewhere,
                message.token,
                message.network,
                has_another_way=message.takes_offers,
            )
        except ServiceError as error:
            if message.takes_offers and error.code is ErrorCode.NOT_ACCEPTABLE:
                return self._offer(message)
            raise
        self._traces.follow(session, name, trace_here())
        await self._change(session, name)
        return Answer(session=session.id, sdp=answer, etag=session.etag)

    def _offer(self, message: Play) -> Answer:
        """An offer of ours. The directory knows nothing of it: its answer makes the viewer."""
        offer, text = self._admission.offer(
            RoomName(message.room),
            monotonic(),
            self._steady(message.expires_at),
            message.viewers_elsewhere,
            message.token,
            message.network,
        )
        until = self._unix_clock() + VALID_SECONDS
        return Answer(session=offer.session, sdp=text, etag=offer.local.ufrag, valid_until=until)

    async def answer_offer(self, message: AnswerOffer) -> Patched:
        """Take a viewer's answer. The same one again is taken, too: its sender may have missed our reply."""
        answer = decode_offer(message.answer)
        offer = self._admission.offers.find(message.session, message.room, monotonic())
        if offer is None:
            session = self._roster.find(message.session, message.room, Role.PLAY)
            assert isinstance(session, ViewerSession)
            if session.answer is None:  # the offer was its own
                raise ServiceError(ErrorCode.UNSUPPORTED_MEDIA_TYPE)
            if session.answer != answer:
                raise ServiceError(ErrorCode.ALREADY_ANSWERED)
            return Patched(etag=session.etag)
        name = RoomName(message.room)
        self._moderation.check(name, offer.token)
        self._capacity.check_viewer(self._plane.viewers_at(monotonic()))
        session = self._admission.answer(offer, answer, monotonic())
        self._traces.follow(session, name, trace_here())
        await self._change(session, name)
        return Patched(etag=session.etag)

    def unanswered(self, reply: Any) -> None:
        """End the session of an answer that came too late: its client was told that there is none."""
        if isinstance(reply, Answer) and (session := self._roster.get(reply.session)):
            session.end(EndReason.NOT_CONNECTED)

    async def patch(self, message: Patch) -> Patched:
        offer = self._admission.offers.find(message.session, message.room, monotonic())
        if offer is not None and message.role is Role.PLAY:  # candidates of who will answer
            _check_precondition(message.if_match, offer.local.ufrag, required=False)
            return Patched(etag=offer.local.ufrag)
        session = self._roster.find(message.session, message.room, message.role)
        fragment = decode_fragment(message.fragment)
        if fragment.ice_ufrag is not None and fragment.ice_pwd is not None:
            former = session.ice.restarted_from(Credentials(fragment.ice_ufrag, fragment.ice_pwd))
            # it may have missed our reply
            if former is not None and message.if_match is not None and _matches(message.if_match, former):
                return Patched(etag=session.etag, fragment=self._roster.ice_fragment(session))
        restarts = fragment.ice_ufrag is not None and session.ice.is_restart(fragment.ice_ufrag)
        _check_precondition(message.if_match, session.etag, required=restarts)
        if not restarts or fragment.ice_ufrag is None:
            # An ICE-lite agent needs no trickled candidates: it learns the peer's addresses from its checks.
            return Patched(etag=session.etag)
        if fragment.ice_pwd is None:
            raise ServiceError(ErrorCode.INVALID_FRAGMENT, detail="an ICE restart without ice-pwd")
        remote = Credentials(fragment.ice_ufrag, fragment.ice_pwd)
        answer = self._roster.restart_ice(session, remote)
        return Patched(etag=session.etag, fragment=answer)

    async def choose_layer(self, message: ChooseLayer) -> LayerChosen:
        session = self._roster.find(message.session, message.room, Role.PLAY)
        assert isinstance(session, ViewerSession)
        room = self._rooms.find(RoomName(message.room))
        layers = () if room is None else [track for track in room.tracks if track.kind == "video"]
        if message.rid is not None and message.rid not in {track.published.rid for track in layers}:
            raise ServiceError(ErrorCode.INVALID_LAYER, detail="the publisher sends no layer with this rid")
        if message.section not in ("", str(session.picture_section)):
            raise ServiceError(ErrorCode.INVALID_LAYER, detail="mediaId is not the section of the picture")
        most = (message.max_width, message.max_height)
        if layers and not any(is_within(track.size, most) for track in layers):
            raise ServiceError(ErrorCode.INVALID_LAYER, detail="every layer is larger than that")
        session.choose(message.rid, picture=message.picture, most=most)
        return LayerChosen()

    async def delete(self, message: Delete) -> Closed:
        reason = self._admission.delete(message.session, message.room, message.role, monotonic())
        await self._heartbeat.change(RoomName(message.room))
        return Closed(sessions=1, reason=reason if reason in FOR_GOOD else "")

    async def close_room(self, message: CloseRoom) -> Closed:
        name = RoomName(message.room)
        count = self._rooms.close(name, EndReason.ROOM_CLOSED)
        await self._heartbeat.flush(name)
        return Closed(sessions=count)

    async def switch_room(self, message: SwitchRoom) -> Switched:
        room = self._rooms.find(RoomName(message.room))
        if room is None or room.origin is not None:
            raise ServiceError(ErrorCode.ROOM_NOT_FOUND)
        chosen = room.switch_by_hand(monotonic())
        if chosen is None:
            raise ServiceError(ErrorCode.NO_STANDBY)
        return Switched(session=cut_session(chosen.session.id))

    async def open_relay(self, message: OpenRelay) -> RelayOpened:
        return self._origin.open(self._rooms.find(RoomName(message.room)), message, monotonic())

    async def find_sessions(self, message: FindSessions) -> Living:
        now = monotonic()
        living, offered, pictures = [], [], {}
        for each in message.sessions:
            if self._admission.offers.find(each, message.room, now) is not None:
                living.append(each)
                offered.append(each)
                continue
            is_here = self._roster.has(each, message.room)
            if is_here:
                living.append(each)
            if isinstance(session := self._roster.get(each), ViewerSession):
                if session.answer is not None:
                    offered.append(each)
                if is_here and session.picture_section is not None:
                    pictures[each] = session.picture_section
        return Living(sessions=tuple(living), pictures=pictures, offered=tuple(offered))

    async def set_drain(self, message: SetDrain) -> Drained:
        if message.on:
            self._drain.begin()
        else:
            self._drain.cancel()
        await self._heartbeat.flush()
        state = WorkerState.DRAINING if self._drain.is_on else WorkerState.READY
        return Drained(state=state, until=self._drain.until)

    def _check_allowed(self, message: Publish | Play) -> None:
        self._moderation.check(RoomName(message.room), message.token)

    def _check_still_allowed(self, message: Publish, name: RoomName) -> None:
        """Check the rulings again: one may have come while the room was claimed."""
        try:
            self._check_allowed(message)
        except ServiceError:
            if self._rooms.find(name) is None:
                self._heartbeat.release(name, was_open=False)
            raise

    async def _claim(self, name: RoomName, network: str, *, is_here: bool) -> None:
        """Claim a room; anew if it `is_here`: another worker may have it by now."""
        try:
            claimed = await self._heartbeat.claim(name, network)
        except BaseException as error:
            if not is_here:
                self._heartbeat.release(name, was_open=False)  # it may have reached Redis all the same
            if isinstance(error, RedisError | OSError):
                raise redis_away() from error
            raise
        if not claimed:
            raise ServiceError(ErrorCode.PUBLISHER_EXISTS)

    async def _change(self, session: Session, room: RoomName) -> None:
        """Have the directory told of a new session, which ends if the caller gives up."""
        try:
            await self._heartbeat.change(room)
        except BaseException:
            session.end(EndReason.NOT_CONNECTED)
            raise

    def _steady(self, unix_time: float | None) -> float | None:
        """A Unix time, converted to the steady clock."""
        return None if unix_time is None else monotonic() + unix_time - self._unix_clock()


def _check_precondition(if_match: str | None, etag: str, *, required: bool) -> None:
    """Check If-Match (RFC 9725 4.3.1)."""
    if if_match is None:
        if required:
            raise ServiceError(ErrorCode.PRECONDITION_REQUIRED)
        return
    if not _matches(if_match, etag):
        raise ServiceError(ErrorCode.PRECONDITION_FAILED)


def _matches(if_match: str, etag: str) -> bool:
    """Whether If-Match holds for `etag` (RFC 9110 13.1.1). Some clients send the wildcard in quotes."""
    tags = {tag.strip() for tag in if_match.split(",")}
    return not tags.isdisjoint({"*", '"*"', f'"{etag}"'})
