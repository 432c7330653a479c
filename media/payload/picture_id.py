"""The number of a picture inside its packets: where it is, and how to write another one."""

from collections.abc import Callable
from typing import NamedTuple

_FRAME_NUMBER_END = 3  # of a dependency descriptor: flags and template in the first byte, the number in two


class PictureId(NamedTuple):
    """`value` has the low `bits` (7, 15 or 16) of the bytes from `at` on."""

    at: int
    bits: int
    value: int


def picture_id(codec_name: str, payload: bytes) -> PictureId | None:
    """The picture id of VP8 (RFC 7741 4.2) or VP9 (RFC 9628 4.2); None if the payload has none, or is cut."""
    find = _FIND.get(codec_name)
    at = None if find is None else find(payload)
    if at is None or at >= len(payload):
        return None
    if not payload[at] & 0x80:  # M: it has two bytes
        return PictureId(at, 7, payload[at])
    if at + 2 > len(payload):
        return None
    return PictureId(at, 15, int.from_bytes(payload[at : at + 2]) & 0x7FFF)


def frame_number(descriptor: bytes) -> PictureId | None:
    """The frame number of a dependency descriptor (AV1 RTP specification A.8.2); None if it is cut."""
    if len(descriptor) < _FRAME_NUMBER_END:
        return None
    return PictureId(1, 16, int.from_bytes(descriptor[1:_FRAME_NUMBER_END]))


def with_value(data: bytes, found: PictureId, value: int) -> bytes:
    """`data`, in which `found` was, with the low bits of `value` in its place."""
    size = (found.bits + 7) // 8
    marked = found.bits == 15
    field = value & (1 << found.bits) - 1 | marked << 15
    return data[: found.at] + field.to_bytes(size) + data[found.at + size :]


def _in_vp8(payload: bytes) -> int | None:
    return 2 if len(payload) > 2 and payload[0] & 0x80 and payload[1] & 0x80 else None  # X and I


def _in_vp9(payload: bytes) -> int | None:
    return 1 if payload and payload[0] & 0x80 else None  # I


_FIND: dict[str, Callable[[bytes], int | None]] = {"VP8": _in_vp8, "VP9": _in_vp9}
