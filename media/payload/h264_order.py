"""H.264: the order in which pictures are shown, where it is not that in which they come (H.264 8.2.1)."""

import contextlib
from typing import NamedTuple

from media.payload.bits import BitReader
from media.payload.nal_units import cropped, without_emulation
from media.payload.picture import DepacketizeError, Order
from media.payload.picture_count import PictureCount

_IDR = 5
_SLICE_HEADER_BYTES = 32  # hold all fields up to the order
_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_EXTENDED_SAR = 255
_MAX_REORDERED = 16  # pictures (H.264 A.3.1)


class SequenceParameters(NamedTuple):
    """What is read of a sequence parameter set. `reordered`: pictures that may come before one shown earlier.

    `order_bits` is 0 where slices do not tell the order; `reordered` is None where the set does not say.
    """

    width: int
    height: int
    frame_number_bits: int
    order_bits: int
    separate_planes: bool
    frames_only: bool
    reordered: int | None


def sequence_parameters(sps: bytes) -> SequenceParameters:
    """H.264 7.3.2.1.1. Raises `DepacketizeError`."""
    reader = BitReader(without_emulation(sps)[1:])
    profile = reader.read(8)
    reader.read(16)
    reader.ue()
    chroma = 1
    separate = False
    if profile in _WITH_CHROMA:
        chroma = reader.ue()
        separate = chroma == 3 and reader.flag()
        reader.ue()
        reader.ue()
        reader.read(1)
        if reader.flag():
            for number in range(8 if chroma != 3 else 12):
                if reader.flag():
                    _skip_scaling_list(reader, 16 if number < 6 else 64)
    frame_number_bits = reader.ue() + 4
    order_type = reader.ue()
    order_bits = 0
    if order_type == 0:
        order_bits = reader.ue() + 4
    elif order_type == 1:
        reader.read(1)
        reader.se()
        reader.se()
        for _ in range(min(reader.ue(), 256)):
            reader.se()
    reader.ue()
    reader.read(1)
    width, height = (reader.ue() + 1) * 16, (reader.ue() + 1) * 16
    frames_only = reader.flag()
    field_rows = 1 if frames_only else 2
    if not frames_only:
        reader.read(1)
    reader.read(1)
    size = cropped(reader, width, height * field_rows, chroma, separate, field_rows)
    reordered = None
    if order_bits:
        with contextlib.suppress(DepacketizeError):  # the size is what counts
            reordered = _reordered(reader) if reader.flag() else None
    return SequenceParameters(*size, frame_number_bits, order_bits, separate, frames_only, reordered)


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.se()) % 256
        last = following or last


def _reordered(reader: BitReader) -> int | None:
    """max_num_reorder_frames in the usability information (H.264 E.1.1); None without it."""
    if reader.flag() and reader.read(8) == _EXTENDED_SAR:
        reader.read(32)
    if reader.flag():  # overscan
        reader.read(1)
    if reader.flag():  # video_signal_type
        reader.read(4)
        if reader.flag():
            reader.read(24)
    if reader.flag():  # chroma_loc
        reader.ue()
        reader.ue()
    if reader.flag():  # timing
        reader.read(65)
    has_hrd = False
    for _ in range(2):
        if reader.flag():
            has_hrd = True
            _skip_hrd(reader)
    if has_hrd:
        reader.read(1)
    reader.read(1)
    if not reader.flag():  # bitstream_restriction
        return None
    reader.read(1)
    for _ in range(4):
        reader.ue()
    return min(reader.ue(), _MAX_REORDERED)


def _skip_hrd(reader: BitReader) -> None:
    """H.264 E.1.2."""
    count = min(reader.ue() + 1, 32)
    reader.read(8)
    for _ in range(count):
        reader.ue()
        reader.ue()
        reader.read(1)
    reader.read(20)


class PictureOrder:
    """Of one stream: the order of its pictures, decoded from their slices."""

    def __init__(self) -> None:
        self._count = PictureCount()

    def order(self, slice_unit: bytes, parameters: SequenceParameters) -> Order | None:
        """The order of the picture of this slice; None where pictures are shown as they come.

        Raises `DepacketizeError`.
        """
        if not parameters.order_bits or parameters.reordered == 0:
            return None
        idr = slice_unit[0] & 0x1F == _IDR
        reader = BitReader(without_emulation(slice_unit[1:_SLICE_HEADER_BYTES]))
        for _ in range(3):
            reader.ue()
        reader.read(2 * parameters.separate_planes + parameters.frame_number_bits)
        if not parameters.frames_only and reader.flag():  # field_pic_flag
            reader.read(1)
        if idr:
            reader.ue()
            self._count.begin()
        bits, is_reference = parameters.order_bits, slice_unit[0] & 0x60 != 0
        place = self._count.place(reader.read(bits), bits, is_reference=is_reference)
        return Order(place, parameters.reordered)
