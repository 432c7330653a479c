"""AV1: RTP payloads (AV1 RTP specification) to temporal units in the low-overhead format; hidden frames."""

from media.payload.bits import BitReader
from media.payload.picture import DepacketizeError, Picture, Setup

_SEQUENCE_HEADER, _TEMPORAL_DELIMITER, _TILE_LIST, _PADDING = 1, 2, 8, 15  # AV1 6.2.2
_FRAME_HEADERS = frozenset({3, 6})  # alone, and with its tiles
_SHOW_EXISTING, _SHOW_FRAME = 0x80, 0x10  # AV1 5.9.2: the first bits, around two of frame_type
_DELIMITER = b"\x12\x00"  # each temporal unit of a file begins with one


def starts_keyframe(payload: bytes) -> bool:
    """N; or a sequence header, for senders that forget N (AV1 RTP specification 4.4)."""
    head = payload[0]
    if head & 0x08:
        return True
    if head & 0x80:  # Z: the rest of an OBU comes first
        return False
    at = 1
    for number in (1, 2):
        start, at = _element(payload, at, number)
        kind = payload[start] >> 3 & 0x0F
        if kind != _TEMPORAL_DELIMITER:
            return kind == _SEQUENCE_HEADER
    return False


def picture_size(payload: bytes) -> tuple[int, int] | None:
    """Width and height in a payload that begins with a sequence header.

    A temporal delimiter may stand before the header.
    """
    at = 1
    for number in (1, 2):
        start, at = _element(payload, at, number)
        unit = payload[start:at]
        if _kind(unit) == _SEQUENCE_HEADER:
            return _largest_frame(_with_size(unit)[1])
        if _kind(unit) != _TEMPORAL_DELIMITER:
            return None
    return None


def temporal_layer(payload: bytes) -> int | None:
    """The layer of the first OBU, if it begins here and has one (AV1 5.3.3).

    Sequence headers come with keyframes.
    """
    if payload[0] & 0x80:  # Z: the rest of an OBU comes first
        return None
    start, _ = _element(payload, 1, 1)
    if payload[start] & 0x04:
        return payload[start + 1] >> 5
    return 0 if payload[start] >> 3 & 0x0F == _SEQUENCE_HEADER else None


def has_hidden_frames(payload: bytes) -> bool:
    """Whether a frame begins in `payload` that is not shown when it comes; False for one that is cut.

    Encoders hide frames to show them later, behind others that refer to them, as B-frames are. The sequence
    header must not be of still pictures, as no stream's is.
    """
    try:
        at, number = 1, 1
        if payload[0] & 0x80:  # Z: the rest of an OBU comes first
            _, at = _element(payload, at, number)
            number = 2
        while at < len(payload):
            start, at = _element(payload, at, number)
            number += 1
            if payload[start] >> 3 & 0x0F in _FRAME_HEADERS:
                head = start + (2 if payload[start] & 0x04 else 1)
                if payload[start] & 0x02:
                    _, head = _leb128(payload, head)
                if not payload[head] & (_SHOW_EXISTING | _SHOW_FRAME):
                    return True
    except (IndexError, DepacketizeError):
        pass
    return False


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
        begins_in_middle, continues = bool(payload[0] & 0x80), bool(payload[0] & 0x40)
        if begins_in_middle != continued:
            raise DepacketizeError("fragments do not fit")
        elements = _elements(payload)
        if continued and elements:
            units[-1].append(elements.pop(0))
        units += [[element] for element in elements]
        continued = continues
        if continued and not units:
            raise DepacketizeError("nothing to continue")
    if continued:
        raise DepacketizeError("last OBU is cut")
    return [unit for unit in map(b"".join, units) if unit]


def _elements(payload: bytes) -> list[bytes]:
    count = payload[0] >> 4 & 0x03
    elements: list[bytes] = []
    at = 1
    while at < len(payload):
        start, at = _element(payload, at, len(elements) + 1)
        if at > len(payload):
            raise DepacketizeError("element is cut")
        elements.append(payload[start:at])
    if count and len(elements) != count:
        raise DepacketizeError("elements are missing")
    return elements


def _element(payload: bytes, at: int, number: int) -> tuple[int, int]:
    """Where the element at `at` starts behind its size, and where it ends; `number` counts from 1."""
    if number == payload[0] >> 4 & 0x03:  # W: the last one has no size, and takes the rest
        return at, len(payload)
    size, start = _leb128(payload, at)
    return start, start + size


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """A number of at most 8 bytes, and where it ends (AV1 4.10.5)."""
    value = 0
    for number, byte in enumerate(data[at : at + 8]):
        value |= (byte & 0x7F) << 7 * number
        if byte < 0x80:
            return value, at + number + 1
    raise DepacketizeError("size is cut")


def _to_leb128(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def _with_size(unit: bytes) -> tuple[bytes, bytes]:
    """The OBU with its size field, and its content alone (AV1 5.3)."""
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
    """Width and height in a sequence header (AV1 5.5)."""
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
