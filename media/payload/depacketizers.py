"""The depacketizer of each codec that has pictures."""

from collections.abc import Callable

from media.payload.av1 import Av1Depacketizer
from media.payload.h264 import H264Depacketizer
from media.payload.h265 import H265Depacketizer
from media.payload.picture import Depacketizer
from media.payload.vp8 import Vp8Depacketizer
from media.payload.vp9 import Vp9Depacketizer

DEPACKETIZERS: dict[str, Callable[[], Depacketizer]] = {
    "VP8": Vp8Depacketizer,
    "VP9": Vp9Depacketizer,
    "AV1": Av1Depacketizer,
    "H264": H264Depacketizer,
    "H265": H265Depacketizer,
}
