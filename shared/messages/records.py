"""Messages about the recordings in a worker's folder."""

from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from msgspec import Meta

from shared.messages.encoding import Count, UnixTime
from shared.messages.stills import MAX_STILL_BYTES

MOST_SECONDS = 10**8  # of a recording: three years
MOST_PIXELS = 65_535  # of an edge

Seconds = Annotated[float, Meta(ge=0, le=MOST_SECONDS)]
Pixels = Annotated[int, Meta(ge=0, le=MOST_PIXELS)]


class Record(NamedTuple):
    """One recording in a list."""

    name: str
    size: int  # bytes
    modified: UnixTime


class RecordDetails(NamedTuple):
    """What a recording holds: true of the file of this name while it has this `size`."""

    name: str
    size: Count  # bytes of the recording
    seconds: Seconds | None  # None: the file does not say how long it is
    width: Pixels  # of its video; 0: there is none
    height: Pixels
    has_stills: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRecords:
    """List the recordings in a worker's folder -> `Records`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    records: tuple[Record, ...]  # newest first
    details: tuple[RecordDetails, ...] = ()  # of some of them


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRecord:
    """Let control fetch a recording from the worker for a short while -> `SharedRecord`, or NOT_FOUND."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRecord:
    url: str  # of the worker's own HTTP, signed


@dataclass(frozen=True, slots=True, kw_only=True)
class GetRecordStill:
    """Get a recording's still picture, of one of `WIDTHS` -> `RecordStill`, or NOT_FOUND."""

    name: str
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordStill:
    jpeg: Annotated[bytes, Meta(max_length=MAX_STILL_BYTES)] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRecord:
    """Delete a recording -> `DeletedRecord`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedRecord:
    existed: bool
