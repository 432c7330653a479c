"""Recordings as both planes speak of them: their names, and the messages about them.

A file of one track is `{room}_{kind}{index}_{unix}.{ivf,ogg,h264,h265}`, one with sound and picture
`{room}_{unix}.{webm,mkv,mp4}`. The suffix tells the two apart, whatever underscores the room's name has.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from shared.names import RoomName

CONTENT_TYPES = {
    "ivf": "video/x-ivf",
    "ogg": "audio/ogg",
    "h264": "video/h264",  # RFC 6184 8.1
    "h265": "video/h265",  # RFC 7798 7.1
    "webm": "video/webm",
    "mkv": "video/matroska",  # RFC 9559 27
    "mp4": "video/mp4",
}

_NAME = re.compile(
    r"(?P<track_room>[A-Za-z0-9_-]{1,64})_(?:audio|video)[0-9]{1,3}_(?P<track_unix>[0-9]{1,12})"
    r"\.(?:ivf|ogg|h264|h265)"
    r"|(?P<room>[A-Za-z0-9_-]{1,64})_(?P<unix>[0-9]{1,12})\.(?:webm|mkv|mp4)"
)


@dataclass(frozen=True, slots=True)
class RecordName:
    """A file name that a recording can have, taken apart; `text` is safe as a path's last part."""

    text: str
    room: RoomName

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.text.rpartition(".")[2]]


def parse_record_name(text: str) -> RecordName | None:
    """The recording's name that `text` is, or None. Nothing that leads elsewhere is one."""
    match = _NAME.fullmatch(text)
    return RecordName(text, RoomName(match["track_room"] or match["room"])) if match else None


def track_name(room: RoomName, kind: str, index: int, unix: int, suffix: str) -> str:
    """The name of one track's file; `index` counts the tracks of its kind."""
    return f"{room}_{kind}{index}_{unix}.{suffix}"


def mux_name(room: RoomName, unix: int, suffix: str) -> str:
    """The name of the file with all tracks."""
    return f"{room}_{unix}.{suffix}"


class Record(NamedTuple):
    """One recording as a list has it."""

    name: str
    size: int  # bytes
    modified: float  # Unix time


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRecords:
    """What a worker's folder holds -> `Records`."""


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
