"""The records of a worker's rooms in the directory: what has to be written anew. Does no I/O.

A record is written when something changed, and for its traffic, which always changes, only now and then. All
of a worker's records have one version. Whoever writes says which version must be there, and whoever reads the
changes sees from their versions whether some are missing: then all of them are written, or read, anew.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from shared.messages.encoding import DecodeError, encode, pack, unpack
from shared.messages.status import RoomStatus

TRAFFIC_SECONDS = 5.0  # after which a record is written for its traffic alone
ANEW = "*"  # as the version that must be there: whatever it is, all records follow


@dataclass(frozen=True, slots=True)
class Change:
    """From one version of a worker's records to the next. A record is packed; None: the room has ended."""

    worker: str
    before: str
    version: str
    records: dict[str, bytes | None]

    def packed(self) -> bytes:
        return pack([self.worker, self.before, self.version, self.records])


def read_change(data: bytes) -> Change:
    """Raises `DecodeError`."""
    match unpack(data):
        case [str(worker), str(before), str(version), dict(records)] if all(
            isinstance(name, str) and isinstance(record, bytes | None) for name, record in records.items()
        ):
            return Change(worker, before, version, records)
        case _:
            raise DecodeError("not a change of records")


@dataclass(slots=True)
class _Told:
    coarse: Any
    packed: bytes
    at: float


class RoomRecords:
    """Remembers what one worker has told of its rooms. `process` tells its versions from others'."""

    def __init__(self, worker: str, process: str) -> None:
        self._worker = worker
        self._process = process
        self._number = 0
        self._told: dict[str, _Told] = {}
        self._anew = True
        self.version = ""

    def lost(self) -> None:
        """Take that Redis has lost the records: the next change has everything."""
        self._anew = True

    def change(self, rooms: Iterable[RoomStatus], now: float, of: Collection[str] | None = None) -> Change:
        """What to write for `rooms`: all of the worker, or, with `of`, those of these names that exist."""
        rooms = list(rooms)
        gone = (self._told.keys() if of is None else self._told.keys() & of) - {room.name for room in rooms}
        records: dict[str, bytes | None] = dict.fromkeys(gone)
        for name in gone:
            del self._told[name]
        for room in rooms:
            if (told := self._tell(room, now)) is not None:
                records[room.name] = told
        before = self.version
        if self._anew:
            before, self._anew = ANEW, False
            records = {name: told.packed for name, told in self._told.items()}
        if records or before == ANEW:
            self._number += 1
            self.version = f"{self._process}:{self._number}"
        return Change(self._worker, before, self.version, records)

    def _tell(self, room: RoomStatus, now: float) -> bytes | None:
        """The record of a room, if it has to be written."""
        told, coarse = self._told.get(room.name), _coarse(room)
        if told is not None and told.coarse == coarse and now - told.at < TRAFFIC_SECONDS:
            return None
        packed = encode(room)
        if told is not None and told.packed == packed:
            told.at = now
            return None
        self._told[room.name] = _Told(coarse, packed, now)
        return packed


_TRAFFIC = {"bitrate", "rx_bytes", "rx_packets", "layers", "still_at"}
_facts = attrgetter(*(field.name for field in fields(RoomStatus) if field.name not in _TRAFFIC))


def _coarse(room: RoomStatus) -> Any:
    """What a reader shall know at once: all but the traffic.

    Of bit rates it is whether they doubled or halved.
    """
    layers = [(at.rid, at.width, at.height, at.viewers, at.bitrate.bit_length()) for at in room.layers]
    return _facts(room), room.bitrate.bit_length(), layers, bool(room.still_at)
