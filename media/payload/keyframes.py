"""What a keyframe's first RTP payload says: that a decoder can begin there, and how large the picture is."""

from collections.abc import Callable

from media.payload import av1, h264, h265, vp8, vp9
from media.payload.picture import DepacketizeError

# Codecs whose keyframes need parameter sets, which come before them in the stream or nowhere.
HAS_PARAMETER_SETS = frozenset({"H264", "H265"})
# Called for each packet of video. A payload that is cut may raise `IndexError` or `DepacketizeError`.
_STARTS: dict[str, Callable[[bytes], bool]] = {
    "VP8": vp8.starts_keyframe,
    "VP9": vp9.starts_keyframe,
    "H264": h264.starts_keyframe,
    "H265": h265.starts_keyframe,
    "AV1": av1.starts_keyframe,
}
# The first bytes of payloads in which a keyframe may start.
_MAY_START: dict[str, Callable[[int], bool]] = {
    "VP8": lambda head: head & 0x17 == 0x10,
    "VP9": lambda head: head & 0x48 == 0x08,
    "H264": lambda head: head & 0x1F in (5, 7, 24, 28),
    "H265": lambda head: head >> 1 & 0x3F in (*range(16, 24), 32, 33, 48, 49),
    "AV1": lambda head: head & 0x88 != 0x80,
}
_HEADS = {
    codec: frozenset(bytes((head,)) for head in range(256) if may(head)) for codec, may in _MAY_START.items()
}
# Called for payloads in which a keyframe starts. Hostile ones may raise `IndexError` or `DepacketizeError`.
_SIZES: dict[str, Callable[[bytes], tuple[int, int] | None]] = {
    "VP8": vp8.picture_size,
    "VP9": vp9.picture_size,
    "H264": h264.picture_size,
    "H265": h265.picture_size,
    "AV1": av1.picture_size,
}


def starts_keyframe(codec_name: str, payload: bytes) -> bool:
    """Whether a keyframe, or the parameter sets before it, starts in `payload`.

    More than one packet of a keyframe may say so: parameter sets and slices, which share a timestamp. False
    for payloads that are cut, and for codecs without keyframes.
    """
    try:
        return _STARTS[codec_name](payload)
    except (LookupError, DepacketizeError):
        return False


def may_start_keyframe(codec_name: str) -> frozenset[bytes]:
    """The first bytes of the payloads in which a keyframe may start: most are ruled out by theirs."""
    return _HEADS.get(codec_name, frozenset())


def has_keyframes(codec_name: str) -> bool:
    """Whether `starts_keyframe` knows a codec."""
    return codec_name in _STARTS


def picture_size(codec_name: str, payload: bytes) -> tuple[int, int] | None:
    """Pixels of the picture that is shown; None if this payload does not tell, or is cut."""
    try:
        return _SIZES[codec_name](payload)
    except (LookupError, DepacketizeError):
        return None
