"""How an edge asks for a relay: the room's owner, and then the edge that the owner names instead."""

from collections.abc import Callable, Collection

from media.relay.edge_relay import Taken, new_order
from media.tracks.sent_track import HeldKeyframe
from shared.errors import ServiceError
from shared.messages.relays import OpenRelay, RelayOpened
from shared.names import RoomName, WorkerId, new_request_id
from shared.rpc.client import RpcClient
from shared.telemetry.logging import get_logger

RPC_SECONDS = 0.8  # for all of it: shorter than control's deadline for the viewer's request
PARENT_SECONDS = 0.25  # for an edge that the owner names: it may be gone without a word
_MOST_NAMED = 2  # edges that are asked, one after the other

log = get_logger()


class Asking:
    """`worker` is this one, `clock` a steady one in seconds."""

    def __init__(self, worker: WorkerId, rpc: RpcClient, clock: Callable[[], float]) -> None:
        self._worker = worker
        self._rpc = rpc
        self._clock = clock

    async def relay(
        self,
        room: RoomName,
        owner: WorkerId,
        *,
        feeds: int,
        takes: int,
        avoid: Collection[WorkerId] = (),
        held: HeldKeyframe | None = None,
    ) -> Taken:
        """Get a relay of `room`, not from those to `avoid`. Raises `ServiceError`.

        `feeds` and `takes`: how many edges this worker feeds with the room, and how many it would besides.
        `held` is the keyframe that the worker's copy has had last.
        When those do not answer that the owner names, it is asked to feed this worker itself.
        """
        until = self._clock() + RPC_SECONDS
        unfit = set(avoid)
        while True:
            tried = len(unfit) - len(avoid)
            order = new_order(
                room,
                self._worker,
                feeds=feeds,
                takes=takes if tried < _MOST_NAMED else None,
                avoid=tuple(sorted(unfit)),
                held=held,
            )
            opened = await self._call(owner, order, until - self._clock())
            if not opened.instead:
                return Taken(owner, order, opened)
            parent = WorkerId(opened.instead)
            if (taken := await self._from(parent, room, takes, held)) is not None:
                return taken
            unfit.add(parent)

    async def _from(
        self, parent: WorkerId, room: RoomName, takes: int, held: HeldKeyframe | None
    ) -> Taken | None:
        """A relay from another edge; None if it gives none."""
        order = new_order(room, self._worker, takes=takes, held=held)
        try:
            opened = await self._call(parent, order, PARENT_SECONDS)
        except ServiceError as error:
            log.warning("an edge gives no relay", room=room, edge=parent, error=error.code)
            return None
        return None if opened.instead else Taken(parent, order, opened)

    async def _call(self, worker: WorkerId, message: OpenRelay, seconds: float) -> RelayOpened:
        return await self._rpc.call(
            worker, message, RelayOpened, timeout=max(0.0, seconds), request_id=new_request_id()
        )
