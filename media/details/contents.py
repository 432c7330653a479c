"""What the process that reads recordings answers: one msgpack message. Does no I/O.

The worker trusts it no more than a stranger: whoever breaks a demuxer by a file speaks in its place.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from media.stills.job import Jpeg
from shared.messages.encoding import DecodeError, read
from shared.messages.records import MOST_PIXELS, MOST_SECONDS
from shared.messages.stills import MAX_STILL_BYTES, WIDTHS

MAX_CONTENTS_BYTES = len(WIDTHS) * MAX_STILL_BYTES + 4096

Pixels = Annotated[int, Meta(ge=0, le=MOST_PIXELS)]


class Contents(msgspec.Struct, frozen=True, array_like=True):
    """What one recording holds.

    A size of 0 x 0: no video. JPEG pictures by width: all of `WIDTHS`, or none.
    """

    seconds: Annotated[float, Meta(ge=0, le=MOST_SECONDS)] | None  # None: the file does not say
    width: Pixels
    height: Pixels
    pictures: dict[int, Jpeg]


NOTHING = Contents(None, 0, 0, {})


def read_contents(data: bytes) -> Contents:
    """`NOTHING` if that is not what they say."""
    try:
        contents = read(Contents, data)
    except DecodeError:
        return NOTHING
    is_asked_for = not contents.pictures or contents.pictures.keys() == set(WIDTHS)
    return contents if is_asked_for else NOTHING
