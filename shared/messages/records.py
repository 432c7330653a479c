"""Messages about the recordings in a worker's folder."""

from dataclasses import dataclass
from typing import NamedTuple

from shared.messages.bounds import UnixTime


class Record(NamedTuple):
    """One recording in a list."""

    name: str
    size: int  # bytes
    modified: UnixTime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRecords:
    """List the recordings in a worker's folder -> `Records`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    records: tuple[Record, ...]  # newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRecord:
    """Let control fetch a recording from the worker for a short while -> `SharedRecord`, or NOT_FOUND."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRecord:
    url: str  # of the worker's own HTTP, signed


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRecord:
    """Delete a recording -> `DeletedRecord`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedRecord:
    existed: bool
