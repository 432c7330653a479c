"""H.265: RTP payloads (RFC 7798) to access units as a byte stream."""

from collections.abc import Sequence

from media.payload.bits import BitReader
from media.payload.h265_order import (
    PictureOrder,
    PictureParameters,
    SequenceParameters,
    picture_parameters,
    sequence_parameters,
)
from media.payload.nal_units import Fragments, aggregated, byte_stream, small, without_emulation
from media.payload.picture import DepacketizeError, Order, Picture, Setup

_VPS, _SPS, _PPS, _DELIMITER = 32, 33, 34, 35  # H.265 table 7-1
_SETS = (_VPS, _SPS, _PPS)
_MAX_SETS = 8  # of all kinds: encoders of live video send one of each, or a few of the last
_RANDOM_ACCESS = frozenset(range(16, 24))  # pictures that a decoder may begin with
_STARTS = _RANDOM_ACCESS | {_VPS, _SPS}
_AGGREGATION, _FRAGMENT = 48, 49
_FU_START, _FU_END = 0x80, 0x40


def starts_keyframe(payload: bytes) -> bool:
    """RFC 7798 4.4.1 to 4.4.3."""
    kind = payload[0] >> 1 & 0x3F
    if kind == _FRAGMENT:
        return payload[2] & _FU_START != 0 and payload[2] & 0x3F in _STARTS
    if kind == _AGGREGATION:
        return any(_kind(unit) in _STARTS for unit in aggregated(payload, 2))
    return kind in _STARTS


def picture_size(payload: bytes) -> tuple[int, int] | None:
    """Width and height in a payload with a sequence parameter set, also in an aggregate; None without."""
    parameters = _sequence_parameters_in(payload)
    return None if parameters is None else parameters[:2]


def has_reordered_frames(payload: bytes) -> bool:
    """Whether a sequence parameter set in `payload` says that frames do not come as they are shown.

    A slice does not tell: encoders with low delay write B slices, too, which refer to earlier frames only.
    """
    try:
        parameters = _sequence_parameters_in(payload)
    except (IndexError, DepacketizeError):
        return False
    return parameters is not None and parameters.reordered > 0


def _sequence_parameters_in(payload: bytes) -> SequenceParameters | None:
    """Those of a set in a payload, also in an aggregate. Raises `IndexError` or `DepacketizeError`."""
    whole = (payload,) if _kind(payload) != _AGGREGATION else aggregated(payload, 2)
    sps = next((unit for unit in whole if unit and _kind(unit) == _SPS), None)
    return None if sps is None else sequence_parameters(sps)


def temporal_layer(payload: bytes) -> int:
    """The layer in the payload's header, which fragments and aggregations have, too (RFC 7798 1.1.4, 4.4)."""
    return max((payload[1] & 0x07) - 1, 0)


class H265Depacketizer:
    """Remembers parameter sets: a publisher may send them once, apart from the pictures."""

    def __init__(self) -> None:
        self._sets: dict[tuple[int, int], bytes] = {}  # by their kinds and ids
        self._parameters: tuple[SequenceParameters, PictureParameters] | None = (
            None  # since the last keyframe
        )
        self._order = PictureOrder()

    def starts(self, payload: bytes) -> bool:
        if len(payload) < 6:
            return False
        return _kind(payload[4:] if _kind(payload) == _AGGREGATION else payload) in (_VPS, _SPS, _DELIMITER)

    def picture(self, payloads: list[bytes]) -> Picture | None:
        units = _units(payloads)
        kinds = {_kind(unit) for unit in units}
        if kinds >= {_SPS, _PPS}:  # all that it needs of those: some encoders count their ids up
            self._sets = {key: unit for key, unit in self._sets.items() if key[0] == _VPS}
        self._remember(small([unit for unit in units if _kind(unit) in _SETS]))
        if not any(kind < 32 for kind in kinds):  # no slice
            return None
        if kinds.isdisjoint(_RANDOM_ACCESS):
            return Picture(byte_stream(units), None, self._order_of(units))
        if {kind for kind, _ in self._sets} != set(_SETS):
            return None
        sets = small([unit for _, unit in sorted(self._sets.items())])
        delimiter = [unit for unit in units if _kind(unit) == _DELIMITER]
        pictures = [unit for unit in units if _kind(unit) not in (*_SETS, _DELIMITER)]
        sps, pps = (next(unit for unit in sets if _kind(unit) == kind) for kind in (_SPS, _PPS))
        self._parameters = sequence_parameters(sps), picture_parameters(pps)
        setup = Setup(*self._parameters[0][:2], byte_stream(sets))
        return Picture(byte_stream([*delimiter, *sets, *pictures]), setup, self._order_of(units))

    def _remember(self, sets: Sequence[bytes]) -> None:
        """The oldest picture parameter sets are forgotten first."""
        for unit in sets:
            number = BitReader(without_emulation(unit)[2:]).ue() if _kind(unit) == _PPS else 0
            self._sets[_kind(unit), number] = unit
        while len(self._sets) > _MAX_SETS:
            del self._sets[next(key for key in self._sets if key[0] == _PPS)]

    def _order_of(self, units: list[bytes]) -> Order | None:
        if self._parameters is None:
            return None
        first = next(unit for unit in units if _kind(unit) < _VPS)
        try:
            return self._order.order(first, *self._parameters)
        except DepacketizeError:
            return None  # a decoder may know better what to do with it


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F


def _units(payloads: list[bytes]) -> list[bytes]:
    """RFC 7798 4.4, without DONL: no interleaving was negotiated."""
    fragments = Fragments()
    for payload in payloads:
        if not payload:
            continue
        if len(payload) < 3:
            raise DepacketizeError("unit is cut")
        kind = _kind(payload)
        if kind == _AGGREGATION:
            for unit in aggregated(payload, 2):
                if len(unit) == 1:
                    raise DepacketizeError("unit is cut")
                fragments.whole(unit)
        elif kind == _FRAGMENT:
            header = bytes((payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1]))
            first, last = payload[2] & _FU_START != 0, payload[2] & _FU_END != 0
            fragments.part(header, payload[3:], first=first, last=last)
        elif kind < _AGGREGATION:
            fragments.whole(payload)
        else:
            raise DepacketizeError("packets of an unknown kind")
    return fragments.finished()
