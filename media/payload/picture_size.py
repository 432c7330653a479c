"""Width and height of a picture, from the RTP payload with which its keyframe starts."""

from collections.abc import Callable

from media.payload import av1, h264, h265, vp8, vp9
from media.payload.picture import DepacketizeError

# Called for payloads in which a keyframe starts. Hostile ones may raise `IndexError` or `DepacketizeError`.
_SIZES: dict[str, Callable[[bytes], tuple[int, int] | None]] = {
    "VP8": vp8.picture_size,
    "VP9": vp9.picture_size,
    "H264": h264.picture_size,
    "H265": h265.picture_size,
    "AV1": av1.picture_size,
}


def picture_size(codec_name: str, payload: bytes) -> tuple[int, int] | None:
    """Pixels of the picture that is shown; None if this payload does not tell, or is cut."""
    try:
        return _SIZES[codec_name](payload)
    except (LookupError, DepacketizeError):
        return None
