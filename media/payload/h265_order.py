"""H.265: the order in which pictures are shown, where it is not that in which they come (H.265 8.3.1)."""

from typing import NamedTuple

from media.payload.bits import BitReader
from media.payload.nal_units import cropped, without_emulation
from media.payload.picture import Order
from media.payload.picture_count import PictureCount

_IDR = frozenset({19, 20})  # H.265 table 7-1
_BEGINS_ANEW = _IDR | {16, 17, 18}  # and BLA
_RANDOM_ACCESS = range(16, 24)
_LEADING = range(6, 10)  # RADL and RASL
_SUB_LAYER_NON_REFERENCES = range(0, 16, 2)
_SLICE_HEADER_BYTES = 32  # hold all fields up to the order
_MAX_REORDERED = 16  # pictures (H.265 A.4.2)


class SequenceParameters(NamedTuple):
    """What is read of such a set. `reordered`: pictures that may come before one that is shown earlier."""

    width: int
    height: int
    order_bits: int
    separate_planes: bool
    reordered: int


class PictureParameters(NamedTuple):
    """What is read of a picture parameter set: which fields stand before the order in a slice's header."""

    has_output_flag: bool
    extra_bits: int


def sequence_parameters(sps: bytes) -> SequenceParameters:
    """H.265 7.3.2.2.1. Raises `DepacketizeError`."""
    reader = BitReader(without_emulation(sps)[2:])
    reader.read(4)
    sub_layers = reader.read(3)
    reader.read(1)
    reader.read(96)  # profile_tier_level (7.3.3)
    present = [(reader.flag(), reader.flag()) for _ in range(sub_layers)]
    if sub_layers:
        reader.read(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        reader.read(88 * has_profile + 8 * has_level)
    reader.ue()
    chroma = reader.ue()
    separate = chroma == 3 and reader.flag()
    width, height = reader.ue(), reader.ue()
    size = cropped(reader, width, height, chroma, separate)
    reader.ue()
    reader.ue()
    order_bits = min(reader.ue(), 12) + 4
    reordered = 0
    for _ in range(sub_layers + 1 if reader.flag() else 1):  # the highest of them is the last
        reader.ue()
        reordered = min(reader.ue(), _MAX_REORDERED)
        reader.ue()
    return SequenceParameters(*size, order_bits, separate, reordered)


def picture_parameters(pps: bytes) -> PictureParameters:
    """H.265 7.3.2.3.1. Raises `DepacketizeError`."""
    reader = BitReader(without_emulation(pps)[2:])
    reader.ue()
    reader.ue()
    reader.read(1)
    return PictureParameters(reader.flag(), reader.read(3))


class PictureOrder:
    """Of one stream: the order of its pictures, decoded from their slices."""

    def __init__(self) -> None:
        self._count = PictureCount()

    def order(
        self, first_slice: bytes, sequence: SequenceParameters, picture: PictureParameters
    ) -> Order | None:
        """The order of the picture of its first slice; None where pictures are shown as they come.

        Raises `DepacketizeError`.
        """
        if sequence.reordered == 0:
            return None
        kind = first_slice[0] >> 1 & 0x3F
        reader = BitReader(without_emulation(first_slice[2:_SLICE_HEADER_BYTES]))
        reader.read(1)
        if kind in _RANDOM_ACCESS:
            reader.read(1)
        reader.ue()
        reader.read(picture.extra_bits)
        reader.ue()  # slice_type
        reader.read(picture.has_output_flag + 2 * sequence.separate_planes)
        low = 0 if kind in _IDR else reader.read(sequence.order_bits)
        if kind in _BEGINS_ANEW:
            self._count.begin(low)
        is_lowest = first_slice[1] & 0x07 == 1  # nuh_temporal_id_plus1
        is_reference = is_lowest and kind not in _LEADING and kind not in _SUB_LAYER_NON_REFERENCES
        place = self._count.place(low, sequence.order_bits, is_reference=is_reference)
        return Order(place, sequence.reordered)
