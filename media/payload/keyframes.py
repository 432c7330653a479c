"""Whether an RTP packet is where a decoder can begin: the start of a keyframe, as its payload says."""

from collections.abc import Callable

from media.payload.nal_units import aggregated

_H264_STAP_A, _H264_FU_A = 24, 28
_H264_STARTS = frozenset({5, 7})  # IDR slice, SPS (H.264 table 7-1)
_H265_AP, _H265_FU = 48, 49
_H265_STARTS = frozenset({*range(16, 24), 32, 33})  # IRAP pictures, VPS, SPS (H.265 table 7-1)
_AV1_SEQUENCE_HEADER, _AV1_TEMPORAL_DELIMITER = 1, 2
_FU_START = 0x80


def starts_keyframe(codec_name: str, payload: bytes) -> bool:
    """Whether a keyframe, or the parameter sets before it, starts in `payload`.

    More than one packet of a keyframe may say so: parameter sets and slices, which share a timestamp. False
    for payloads that are cut, and for codecs without keyframes.
    """
    starts = _STARTS.get(codec_name)
    try:
        return starts is not None and starts(payload)
    except IndexError:
        return False


def has_keyframes(codec_name: str) -> bool:
    """Whether `starts_keyframe` can tell for a codec."""
    return codec_name in _STARTS


def _vp8(payload: bytes) -> bool:
    """RFC 7741 4.2: S and PID 0 in the payload descriptor, then P of 4.3 (0 for a key frame)."""
    first = payload[0]
    if first & 0x17 != 0x10:
        return False
    at = 1
    if first & 0x80:
        extended = payload[1]
        at = 2
        if extended & 0x80:  # PictureID, of 7 or 15 bits
            at += 2 if payload[at] & 0x80 else 1
        at += bool(extended & 0x40) + bool(extended & 0x30)  # TL0PICIDX; TID, KEYIDX
    return not payload[at] & 0x01


def _vp9(payload: bytes) -> bool:
    """RFC 9628 4.2: B without P, in the lowest spatial layer.

    FFmpeg never sets P. So where there is no scalability structure (V) either, the frame itself is asked:
    VP9 bitstream 6.2, frame_marker, profile, show_existing_frame, frame_type.
    """
    first = payload[0]
    if first & 0x48 != 0x08:
        return False
    at = 1
    if first & 0x80:  # picture ID, of 7 or 15 bits
        at += 2 if payload[at] & 0x80 else 1
    if first & 0x20:  # layer indices
        if payload[at] & 0x0E:
            return False
        at += 1 if first & 0x10 else 2  # TL0PICIDX, but in flexible mode
    if first & 0x02:
        return True
    frame = payload[at]
    existing_or_inter = 0x06 if frame & 0x30 == 0x30 else 0x0C  # profile 3 has a reserved bit before
    return frame & 0xC0 == 0x80 and not frame & existing_or_inter


def _h264(payload: bytes) -> bool:
    """RFC 6184 5.6, 5.7.1, 5.8."""
    kind = payload[0] & 0x1F
    if kind == _H264_FU_A:
        return payload[1] & _FU_START != 0 and payload[1] & 0x1F in _H264_STARTS
    if kind == _H264_STAP_A:
        return any(unit[0] & 0x1F in _H264_STARTS for unit in aggregated(payload, 1))
    return kind in _H264_STARTS


def _h265(payload: bytes) -> bool:
    """RFC 7798 4.4.1 to 4.4.3."""
    kind = payload[0] >> 1 & 0x3F
    if kind == _H265_FU:
        return payload[2] & _FU_START != 0 and payload[2] & 0x3F in _H265_STARTS
    if kind == _H265_AP:
        return any(unit[0] >> 1 & 0x3F in _H265_STARTS for unit in aggregated(payload, 2))
    return kind in _H265_STARTS


def _av1(payload: bytes) -> bool:
    """AV1 RTP specification 4.4: N; or a sequence header, for senders that forget N."""
    head = payload[0]
    if head & 0x08:
        return True
    if head & 0x80:  # Z: the rest of an OBU comes first
        return False
    without_size = head >> 4 & 0x03  # W: this element has no size before it
    at = 1
    for element in (1, 2):
        size = 0
        if element != without_size:
            size, at = _leb128(payload, at)
        kind = payload[at] >> 3 & 0x0F
        if kind != _AV1_TEMPORAL_DELIMITER:
            return kind == _AV1_SEQUENCE_HEADER
        at += size
    return False


def _leb128(payload: bytes, at: int) -> tuple[int, int]:
    """A number (AV1 4.10.5, at most 8 bytes) and where it ends."""
    value = 0
    for n in range(8):
        value |= (payload[at + n] & 0x7F) << 7 * n
        if payload[at + n] < 0x80:
            return value, at + n + 1
    raise IndexError


_STARTS: dict[str, Callable[[bytes], bool]] = {
    "VP8": _vp8,
    "VP9": _vp9,
    "H264": _h264,
    "H265": _h265,
    "AV1": _av1,
}
