"""VP8: RTP payloads (RFC 7741) to frames (RFC 6386)."""

import struct

from media.payload.picture import DepacketizeError, Picture, Setup

_START_BITS, _START = 0x17, 0x10  # of the descriptor: S set, PID 0


def starts_keyframe(payload: bytes) -> bool:
    """A frame starts, and P of its header (RFC 7741 4.3) is 0."""
    return payload[0] & _START_BITS == _START and not payload[_descriptor_size(payload)] & 0x01


def picture_size(payload: bytes) -> tuple[int, int]:
    """Width and height in a payload in which a keyframe starts."""
    width, height, _ = _setup(payload[_descriptor_size(payload) :])
    return width, height


def temporal_layer(payload: bytes) -> int | None:
    """TID (RFC 7741 4.2); None without one."""
    flags = _layer_flags(payload)
    return None if flags is None else flags >> 6


def is_switch(payload: bytes, top: int) -> bool:
    """A frame of the layer `top` starts that needs layer 0 alone: TID and Y (RFC 7741 4.2)."""
    flags = _layer_flags(payload)
    return payload[0] & _START_BITS == _START and flags is not None and flags >> 5 == (top << 1 | 1) > 1


def _layer_flags(payload: bytes) -> int | None:
    """The octet with TID and Y, if they are there."""
    if not payload[0] & 0x80 or not payload[1] & 0x20:  # X; T
        return None
    return payload[_descriptor_size(payload) - 1]


class Vp8Depacketizer:
    def starts(self, payload: bytes) -> bool:
        return bool(payload) and payload[0] & _START_BITS == _START

    def picture(self, payloads: list[bytes]) -> Picture | None:
        if not self.starts(payloads[0]):
            raise DepacketizeError("frame without its start")
        data = b"".join([payload[_descriptor_size(payload) :] for payload in payloads])
        if not data:
            return None
        return Picture(data, None if data[0] & 1 else _setup(data))


def _descriptor_size(payload: bytes) -> int:
    """RFC 7741 4.2."""
    size = 1
    if payload[0] & 0x80:  # X
        if len(payload) < 3:
            raise DepacketizeError("descriptor is cut")
        has = payload[1]
        size = 2
        if has & 0x80:  # I: a picture ID of 7 or 15 bits
            size += 2 if payload[2] & 0x80 else 1
        size += bool(has & 0x40) + bool(has & 0x30)  # L; T or K
    if size > len(payload):
        raise DepacketizeError("descriptor is cut")
    return size


def _setup(data: bytes) -> Setup:
    """RFC 6386 9.1."""
    if len(data) < 10 or data[3:6] != b"\x9d\x01\x2a":
        raise DepacketizeError("no start code")
    width, height = struct.unpack_from("<HH", data, 6)
    if not width & 0x3FFF or not height & 0x3FFF:
        raise DepacketizeError("no size")
    return Setup(width & 0x3FFF, height & 0x3FFF)
