"""Whether a decoder can begin with an RTP packet: the start of a keyframe, by its payload."""

from collections.abc import Callable

from media.payload import av1, h264, h265, vp8, vp9
from media.payload.picture import DepacketizeError

# Called for each packet of video. A payload that is cut may raise `IndexError` or `DepacketizeError`.
_STARTS: dict[str, Callable[[bytes], bool]] = {
    "VP8": vp8.starts_keyframe,
    "VP9": vp9.starts_keyframe,
    "H264": h264.starts_keyframe,
    "H265": h265.starts_keyframe,
    "AV1": av1.starts_keyframe,
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


def has_keyframes(codec_name: str) -> bool:
    """Whether `starts_keyframe` knows a codec."""
    return codec_name in _STARTS
