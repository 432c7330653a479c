"""From a keyframe to small JPEG pictures, by FFmpeg's decoders and scaler through PyAV.

Only the decoder process calls this: decoders have bugs that a publisher may know of.
"""

from fractions import Fraction
from typing import Any

import av
from av.video.reformatter import Interpolation, VideoReformatter

from media.payload.depacketizers import DEPACKETIZERS
from media.payload.picture import DepacketizeError
from media.stills.job import Keyframe
from shared.messages.stills import WIDTHS

MAX_PIXELS = 4096 * 2304
_DECODERS = {"VP8": "vp8", "VP9": "vp9", "AV1": "libdav1d", "H264": "h264", "H265": "hevc"}
# A fifth of the time of VP8 and VP9. What the filter smooths away is smaller than a pixel of the pictures.
_HASTE = {"skip_loop_filter": "all"}
_QUALITY = "7"  # MJPEG's quantiser, from 2 (best) to 31: 15 to 25 kB at 640 pixels


class StillError(ValueError):
    """No picture can be made of this keyframe."""


def still_pictures(keyframe: Keyframe) -> dict[int, bytes]:
    """JPEG by each of `WIDTHS`; raises `StillError`."""
    try:
        return pictures_of(_decoded(keyframe.codec, _frame_data(keyframe)))
    except (av.error.FFmpegError, DepacketizeError, ValueError, MemoryError) as error:
        raise StillError(f"{type(error).__name__}: {error}"[:200]) from error


def pictures_of(frame: av.VideoFrame) -> dict[int, bytes]:
    """JPEG by each of `WIDTHS`, of a decoded frame; raises `StillError`, and the errors of PyAV."""
    if frame.width * frame.height > MAX_PIXELS:
        raise StillError("too large")
    pictures = {}
    for width in sorted(WIDTHS, reverse=True):  # each is made of the one before it: that is cheaper
        frame = _scaled(frame, width)
        pictures[width] = _jpeg(frame)
    return pictures


def _frame_data(keyframe: Keyframe) -> bytes:
    if keyframe.codec not in DEPACKETIZERS:
        raise StillError("a codec without pictures")
    picture = DEPACKETIZERS[keyframe.codec]().picture(keyframe.payloads)
    if picture is None or picture.setup is None:
        raise StillError("no keyframe")
    return picture.data


def _decoded(codec: str, data: bytes) -> av.VideoFrame:
    decoder: Any = av.CodecContext.create(_DECODERS[codec], "r")
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(MAX_PIXELS)} | _HASTE
    frames = decoder.decode(av.Packet(data)) or decoder.decode(None)
    if not frames or frames[-1].is_corrupt:
        raise StillError("nothing decoded")
    frame: av.VideoFrame = frames[-1]  # FFmpeg shows each of VP9's spatial layers, the largest last
    return frame


def _scaled(frame: av.VideoFrame, most: int) -> av.VideoFrame:
    share = min(1.0, most / max(frame.width, frame.height))
    return VideoReformatter().reformat(
        frame,
        width=max(2, round(frame.width * share / 2) * 2),
        height=max(2, round(frame.height * share / 2) * 2),
        format="yuvj420p",
        interpolation=Interpolation.AREA,
        threads=1,
    )


def _jpeg(frame: av.VideoFrame) -> bytes:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    encoder.thread_count = 1
    encoder.options = {"qmin": _QUALITY, "qmax": _QUALITY}
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
