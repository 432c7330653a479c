"""What is known of a recording's contents: an object beside it, below `.details/`. Does no I/O.

The object's name says all that a list shows, so that a list of thousands opens none of them:
`{recording}.{bytes}.{milliseconds or -}.{width}x{height}`. Its content is the still pictures.
"""

import re
from collections.abc import Mapping
from typing import Annotated, NamedTuple

from msgspec import Meta

from shared.messages.encoding import DecodeError, pack, read
from shared.messages.records import MOST_PIXELS, MOST_SECONDS, RecordDetails
from shared.messages.stills import MAX_STILL_BYTES, WIDTHS
from shared.records.record_name import RecordName, parse_record_name

FOLDER = ".details"
MAX_BYTES = len(WIDTHS) * MAX_STILL_BYTES + 64  # of the content
CONTENT_TYPE = "application/msgpack"

_NAME = re.compile(
    r"(?P<record>[A-Za-z0-9_.-]+)\.(?P<size>[0-9]{1,16})\.(?P<milliseconds>[0-9]{1,12}|-)"
    r"\.(?P<width>[0-9]{1,5})x(?P<height>[0-9]{1,5})"
)


class Described(NamedTuple):
    """The details of a recording, with the content of their object."""

    details: RecordDetails
    content: bytes


Jpeg = Annotated[bytes, Meta(min_length=1, max_length=MAX_STILL_BYTES)]


def details_name(details: RecordDetails) -> str:
    """The object's name, without its folder."""
    length = "-" if details.seconds is None else str(round(1000 * details.seconds))
    return f"{details_prefix(details.name)}{details.size}.{length}.{details.width}x{details.height}"


def details_prefix(name: str) -> str:
    """What the names of all details of this recording begin with, and no others."""
    return f"{name}."


def parse_details_name(text: str, content_bytes: int) -> RecordDetails | None:
    """What an object's name says, or None. Without content the recording has no pictures."""
    match = _NAME.fullmatch(text)
    if match is None or parse_record_name(match["record"]) is None:
        return None
    seconds = None if match["milliseconds"] == "-" else int(match["milliseconds"]) / 1000
    width, height = int(match["width"]), int(match["height"])
    if max(width, height) > MOST_PIXELS or (seconds is not None and seconds > MOST_SECONDS):
        return None
    return RecordDetails(match["record"], int(match["size"]), seconds, width, height, content_bytes > 0)


def belongs_to(text: str, name: RecordName) -> bool:
    """Whether the object called `text` is about this recording."""
    return recording_of(text) == name.text


def recording_of(text: str) -> str | None:
    """The recording that the object called `text` is about; None if it is no details."""
    match = _NAME.fullmatch(text)
    return None if match is None else match["record"]


def pack_pictures(pictures: Mapping[int, bytes]) -> bytes:
    """The content for these JPEGs by width; empty for none."""
    return pack(pictures) if pictures else b""


def picture_in(content: bytes, width: int) -> bytes | None:
    """The JPEG of this width; None if there is none, and if the content is damaged."""
    try:
        return read(dict[int, Jpeg], content).get(width)
    except DecodeError:
        return None
