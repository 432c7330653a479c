"""AV1: RTP payloads (AV1 RTP specification) to temporal units in the low-overhead format."""

from media.recording.bits import BitReader
from media.recording.frame import DepacketizeError, Picture, Setup

_SEQUENCE_HEADER, _TEMPORAL_DELIMITER, _TILE_LIST, _PADDING = 1, 2, 8, 15
_DELIMITER = b"\x12\x00"  # each temporal unit of a file begins with one


class Av1Depacketizer:
    def starts(self, payload: bytes) -> bool:
        return bool(payload) and payload[0] & 0x88 == 0x08  # N without Z: a coded video sequence begins

    def picture(self, payloads: list[bytes]) -> Picture | None:
        units = [
            unit for unit in _obus(payloads) if _kind(unit) not in (_TEMPORAL_DELIMITER, _TILE_LIST, _PADDING)
        ]
        if not units:
            return None
        setup = None
        sized = [_with_size(unit) for unit in units]
        for unit, (data, body) in zip(units, sized, strict=True):
            if _kind(unit) == _SEQUENCE_HEADER:
                setup = Setup(*_largest_frame(body), data)
        return Picture(_DELIMITER + b"".join([data for data, _ in sized]), setup)


def _kind(unit: bytes) -> int:
    return unit[0] >> 3 & 0x0F


def _obus(payloads: list[bytes]) -> list[bytes]:
    """The OBUs of one temporal unit, put together from their elements (AV1 RTP specification 4.3, 4.4)."""
    units: list[list[bytes]] = []
    continued = False
    for payload in payloads:
        if not payload:
            raise DepacketizeError("no aggregation header")
        begins_in_middle, goes_on = bool(payload[0] & 0x80), bool(payload[0] & 0x40)
        if begins_in_middle != continued:
            raise DepacketizeError("fragments do not fit")
        elements = _elements(payload)
        if continued and elements:
            units[-1].append(elements.pop(0))
        units += [[element] for element in elements]
        continued = goes_on
        if continued and not units:
            raise DepacketizeError("nothing to go on with")
    if continued:
        raise DepacketizeError("last OBU is cut")
    return [unit for unit in map(b"".join, units) if unit]


def _elements(payload: bytes) -> list[bytes]:
    count = payload[0] >> 4 & 3
    elements: list[bytes] = []
    at = 1
    while at < len(payload):
        if count and len(elements) == count - 1:
            size = len(payload) - at
        else:
            size, at = _leb128(payload, at)
        if at + size > len(payload):
            raise DepacketizeError("element is cut")
        elements.append(payload[at : at + size])
        at += size
    if count and len(elements) != count:
        raise DepacketizeError("elements are missing")
    return elements


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for number in range(8):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << 7 * number
        if not byte & 0x80:
            return value, at
    raise DepacketizeError("size is cut")


def _to_leb128(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def _with_size(unit: bytes) -> tuple[bytes, bytes]:
    """The OBU with its size field, and what stands behind that (AV1 5.3)."""
    head = 2 if unit[0] & 0x04 else 1
    if unit[0] & 0x80 or len(unit) < head:
        raise DepacketizeError("no OBU header")
    if unit[0] & 0x02:
        size, at = _leb128(unit, head)
        body = unit[at : at + size]
        if len(body) < size:
            raise DepacketizeError("OBU is cut")
    else:
        body = unit[head:]
    return bytes((unit[0] | 0x02,)) + unit[1:head] + _to_leb128(len(body)) + body, body


def _largest_frame(body: bytes) -> tuple[int, int]:
    """Width and height of a sequence header (AV1 5.5)."""
    reader = BitReader(body)
    reader.read(4)
    if reader.flag():  # reduced_still_picture_header
        reader.read(5)
    else:
        _skip_operating_points(reader)
    width_bits, height_bits = reader.read(4) + 1, reader.read(4) + 1
    return reader.read(width_bits) + 1, reader.read(height_bits) + 1


def _skip_operating_points(reader: BitReader) -> None:
    delay_bits = 0
    has_model = False
    if reader.flag():  # timing_info_present_flag
        reader.read(64)
        if reader.flag():
            reader.ue()
        has_model = reader.flag()
        if has_model:
            delay_bits = reader.read(5) + 1
            reader.read(42)
    has_delay = reader.flag()
    for _ in range(reader.read(5) + 1):
        reader.read(12)
        if reader.read(5) > 7:
            reader.read(1)
        if has_model and reader.flag():
            reader.read(2 * delay_bits + 1)
        if has_delay and reader.flag():
            reader.read(4)
