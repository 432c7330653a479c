"""What a worker and its decoder process say to each other: a keyframe in, pictures out. Does no I/O.

Each message is msgpack, behind its length or its `HEAD`. The worker trusts the decoder no more than a
stranger: whoever breaks the decoder by a keyframe speaks in its place.
"""

import struct
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from shared.messages.encoding import DecodeError, encode, read
from shared.messages.stills import MAX_STILL_BYTES, WIDTHS

MAX_KEYFRAME_BYTES = 4 * 1024 * 1024
MAX_OUTCOME_BYTES = len(WIDTHS) * MAX_STILL_BYTES + 4096
MAX_JOB_BYTES = MAX_KEYFRAME_BYTES + 64 * 1024  # with the message around it
LENGTH = struct.Struct("!I")
HEAD = struct.Struct("!dI")  # of an answer: seconds of CPU that it took, and its length

Jpeg = Annotated[bytes, Meta(min_length=1, max_length=MAX_STILL_BYTES)]


class JobError(ValueError):
    """Bytes are not the message that was expected."""


class Keyframe(msgspec.Struct, frozen=True, array_like=True):
    """A keyframe as its publisher sent it: the payloads of its RTP packets, in order."""

    codec: str
    payloads: list[bytes]


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """JPEG pictures by their width, all of `WIDTHS`; none if the keyframe cannot be decoded.

    `cpu_seconds` comes by the `HEAD`, since nobody measures himself who may be broken.
    """

    cpu_seconds: Annotated[float, Meta(ge=0, lt=3600)]
    pictures: dict[int, Jpeg]
    error: Annotated[str, Meta(max_length=200)] = ""


def packed(keyframe: Keyframe) -> bytes:
    """The message with its length in front."""
    data = encode(keyframe)
    return LENGTH.pack(len(data)) + data


def read_keyframe(data: bytes) -> Keyframe:
    """Raises `JobError`."""
    try:
        return read(Keyframe, data)
    except DecodeError as error:
        raise JobError("not a keyframe") from error


def read_outcome(data: bytes, cpu_seconds: float) -> Outcome:
    """Raises `JobError`."""
    try:
        outcome = read(Outcome, data)
    except DecodeError as error:
        raise JobError("not an outcome") from error
    if outcome.pictures and outcome.pictures.keys() != set(WIDTHS):
        raise JobError("not the pictures that were asked for")
    if not 0 <= cpu_seconds < 3600:
        raise JobError("not a time")
    return replace(outcome, cpu_seconds=cpu_seconds)
