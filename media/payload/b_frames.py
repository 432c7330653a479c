"""Whether an H.264 stream has B-frames, which no browser plays smoothly over WebRTC."""

from media.payload.nal_units import aggregated

_STAP_A, _FU_A = 24, 28
_NON_IDR_SLICE = 1
_HEADER_BYTES = 12  # hold both numbers of any slice


def has_b_frames(payload: bytes) -> bool:
    """Whether a B slice starts in the RTP `payload` (RFC 6184); False for one that is cut."""
    kind = payload[0] & 0x1F if payload else 0
    if kind == _NON_IDR_SLICE:
        return _is_b_slice(payload[1:])
    if kind == _FU_A:
        return payload[1:2] != b"" and payload[1] & 0x9F == 0x80 | _NON_IDR_SLICE and _is_b_slice(payload[2:])
    if kind == _STAP_A:
        units = aggregated(payload, 1)
        return any(unit[0] & 0x1F == _NON_IDR_SLICE and _is_b_slice(unit[1:]) for unit in units)
    return False


def _is_b_slice(slice_header: bytes) -> bool:
    """H.264 7.3.3: `first_mb_in_slice` and `slice_type`, both Exp-Golomb codes (9.1); 1 and 6 are B."""
    start = slice_header[:_HEADER_BYTES].replace(b"\0\0\3", b"\0\0")  # 7.4.1.1: emulation prevention
    bits = f"{int.from_bytes(start):0{8 * len(start)}b}"
    zeros = bits.find("1")
    return zeros >= 0 and bits.startswith(("010", "00111"), 2 * zeros + 1)
