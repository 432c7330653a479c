"""The file names of recordings.

A file of one track is `{room}_{kind}{index}_{unix}.{ivf,ogg,h264,h265}`, a file with sound and picture is
`{room}_{unix}.{webm,mkv,mp4}`. The suffix distinguishes the two: room names contain underscores, too.
"""

import re
from dataclasses import dataclass

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
    """A recording's file name, parsed; `text` is safe as the last part of a path."""

    text: str
    room: RoomName
    unix: int  # when the file began

    @property
    def suffix(self) -> str:
        return self.text.rpartition(".")[2]

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.suffix]


def parse_record_name(text: str) -> RecordName | None:
    """`text` as a recording's name, or None. No name leads out of its folder."""
    match = _NAME.fullmatch(text)
    if match is None:
        return None
    room, unix = match["track_room"] or match["room"], match["track_unix"] or match["unix"]
    return RecordName(text, RoomName(room), int(unix))


def track_name(room: RoomName, kind: str, index: int, unix: int, suffix: str) -> str:
    """The name of one track's file; `index` counts the tracks of its kind."""
    return f"{room}_{kind}{index}_{unix}.{suffix}"


def mux_name(room: RoomName, unix: int, suffix: str) -> str:
    """The name of the file with all tracks."""
    return f"{room}_{unix}.{suffix}"
