"""What changes in the list of all rooms, for any number of readers, each at its own place.

A look notes the names of the rooms that changed. A reader that comes for them gets the present state of these
rooms, so nothing waits for it. Most readers are at the same place: what they get is rendered once.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from control.events.room_text import ROOMS_IN_EVENT, room_object, rooms_event
from control.workers.cluster import Cluster
from control.workers.cluster_rooms import ClusterRoom
from control.workers.room_info import RoomInfo, RoomInfos
from control.workers.room_list import RoomList
from control.workers.turns import in_chunks

LOOKS_KEPT = 60  # a reader that is further behind begins anew; one that takes nothing is gone earlier
# A room's bit rate is told anew when it differs by more than this share: otherwise all rooms would change
# every few seconds.
_BITRATE_SHARE = 0.25
_LOSS = 0.01  # likewise, for its loss


class _Told(NamedTuple):
    """What readers were sent of a room, to compare."""

    facts: int  # their hash
    bitrate: int
    loss: float


class RoomFeed:
    """The changes of the list in one form: `detailed`, as `?detail=true` has it, or not.

    `info` says what readers may know of a room, `is_listed` whether they may find it.
    """

    def __init__(
        self,
        cluster: Cluster,
        rooms: RoomList,
        detailed: bool,
        info: RoomInfos,
        is_listed: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._cluster = cluster
        self._info = info
        self._is_listed = is_listed
        self._rooms = rooms
        self._detailed = detailed
        self.at = 0  # the number of the last look that found changes
        self._changed: deque[tuple[int, frozenset[str]]] = deque(maxlen=LOOKS_KEPT)  # by look
        self._last: list[bytes] = []  # the events of the last look
        self._told: dict[str, _Told] = {}  # of rooms that readers may know: only of these an end is told
        self._reading = 0  # readers that get what nobody has noted
        self._was_read = False  # by some of them, since the last look

    async def whole(self) -> AsyncIterator[bytes]:
        """The events of a reader that knows nothing.

        With them it is as far as `at` was at the call, or further.
        """
        first = True
        waiting: list[bytes] = []
        with self._read():
            async for some in self._rooms.in_turns(self._rooms.held_names(), self._object):
                objects = [text for text in some if text is not None]
                if len(waiting) + len(objects) > ROOMS_IN_EVENT:
                    yield rooms_event(waiting, first=first, complete=False)
                    first, waiting = False, []
                waiting += objects
            yield rooms_event(waiting, first=first)

    async def since(self, at: int) -> AsyncIterator[bytes]:
        """The events of a reader that knows all up to the look `at`; as `whole` if that is long ago."""
        if at == self.at:
            return
        if not self._changed or self._changed[0][0] > at + 1:
            async for text in self.whole():
                yield text
            return
        if at == self.at - 1:
            for text in self._last:
                yield text
            return
        changed = sorted(frozenset().union(*(names for look, names in self._changed if look > at)))
        with self._read():
            objects: dict[str, bytes | None] = {}
            async for some in self._rooms.in_turns(changed, lambda name: (name, self._object(name))):
                objects |= some
            for text in _events(objects):
                yield text

    async def note(self, names: Iterable[str]) -> bool:
        """Take the names of rooms that began, changed or ended; returns whether that is news to readers."""
        # Who reads meanwhile may have seen a state of a room that was never noted.
        all_count = self._reading > 0 or self._was_read
        self._was_read = False
        changed: dict[str, bytes | None] = {}
        async for some in in_chunks([*names]):
            known = {name for name in some if name in self._told or self._room(name) is not None}
            changed |= {name: self._object(name) for name in known if self._differs(name) or all_count}
        if changed:
            self.at += 1
            self._changed.append((self.at, frozenset(changed)))
            self._last = list(_events(changed))
        return bool(changed)

    def forget(self) -> None:
        """Forget what readers know: there is none."""
        self._changed.clear()
        self._told.clear()
        self._last = []

    @contextmanager
    def _read(self) -> Iterator[None]:
        self._reading += 1
        self._was_read = True
        try:
            yield
        finally:
            self._reading -= 1
            self._was_read = True

    def _room(self, name: str) -> ClusterRoom | None:
        return self._rooms.room(name) if self._is_listed(name) else None

    def _object(self, name: str) -> bytes | None:
        room = self._room(name)
        if room is None:
            return None
        if name not in self._told:
            self._told[name] = _told(room, self._detailed, self._info(name))
        unix_time = self._cluster.unix_time if self._detailed else None
        return room_object(room, unix_time, self._info(name))

    def _differs(self, name: str) -> bool:
        room = self._room(name)
        if room is None:
            self._told.pop(name, None)
            return True
        before, now = self._told.get(name), _told(room, self._detailed, self._info(name))
        if before is not None and _is_alike(before, now):
            return False
        self._told[name] = now
        return True


def _events(rooms: Mapping[str, bytes | None]) -> Iterator[bytes]:
    """The events of `rooms` by name; None: the room is gone."""
    names = list(rooms)
    for first in range(0, len(names), ROOMS_IN_EVENT):
        some = names[first : first + ROOMS_IN_EVENT]
        yield rooms_event(
            [text for name in some if (text := rooms[name]) is not None],
            [name for name in some if rooms[name] is None],
            complete=first + ROOMS_IN_EVENT >= len(names),
        )


def _told(room: ClusterRoom, detailed: bool, info: RoomInfo) -> _Told:
    status = room.status
    facts: tuple[object, ...] = (status.has_publisher, status.tracks, status.subscribers, info.locked)
    if not detailed:
        return _Told(hash(facts), 0, 0.0)
    layers = tuple((layer.rid, layer.width, layer.height, layer.viewers) for layer in status.layers)
    reasons = tuple(status.viewers_by_reason.items())
    facts += (
        info.title,
        status.still_at,
        status.codecs,
        status.delay,
        status.started_at,
        room.workers,
        room.copies,
        status.warnings,
        layers,
        reasons,
        status.standbys,
        status.standby_on,
    )
    return _Told(hash(facts), status.bitrate, status.loss)


def _is_alike(before: _Told, now: _Told) -> bool:
    is_as_fast = abs(now.bitrate - before.bitrate) <= _BITRATE_SHARE * before.bitrate
    return before.facts == now.facts and is_as_fast and abs(now.loss - before.loss) <= _LOSS
