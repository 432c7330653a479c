"""VP9: RTP payloads (RFC 9628) to frames, those of several spatial layers as one superframe."""

from media.recording.bits import BitReader
from media.recording.frame import DepacketizeError, Picture, Setup

_MAX_LAYERS = 8  # of a superframe
_SRGB = 7


class Vp9Depacketizer:
    def starts(self, payload: bytes) -> bool:
        if not payload or not payload[0] & 0x08:  # B
            return False
        try:
            return _descriptor(payload)[1] == 0
        except DepacketizeError:
            return False

    def picture(self, payloads: list[bytes]) -> Picture | None:
        layers: list[list[bytes]] = []
        for payload in payloads:
            size, _ = _descriptor(payload)
            if payload[0] & 0x08:  # B: a layer's frame begins
                layers.append([])
            if not layers:
                raise DepacketizeError("frame without its start")
            layers[-1].append(payload[size:])
        frames = [frame for frame in map(b"".join, layers) if frame]
        if not frames:
            return None
        if len(frames) > _MAX_LAYERS:
            raise DepacketizeError("too many layers")
        return Picture(_superframe(frames), _setup(frames))


def _descriptor(payload: bytes) -> tuple[int, int]:
    """Size of the payload descriptor, and spatial layer (RFC 9628 4.2)."""
    reader = BitReader(payload[:64])
    has_id, inter, has_layers, flexible, _, _, has_structure, _ = (reader.flag() for _ in range(8))
    size, layer = 1, 0
    if has_id:
        two = reader.flag()
        reader.read(15 if two else 7)
        size += 2 if two else 1
    if has_layers:
        reader.read(4)
        layer = reader.read(3)
        reader.read(1)
        size += 1
        if not flexible:
            reader.read(8)
            size += 1
    if flexible and inter:
        for _ in range(3):  # P_DIFF
            more = reader.read(8) & 1
            size += 1
            if not more:
                break
    if has_structure:
        size += _structure_size(reader)
    if size > len(payload):
        raise DepacketizeError("descriptor is cut")
    return size, layer


def _structure_size(reader: BitReader) -> int:
    """RFC 9628 4.2.1."""
    layers, has_sizes, has_pictures = reader.read(3) + 1, reader.flag(), reader.flag()
    reader.read(3)
    size = 1
    if has_sizes:
        reader.read(32 * layers)
        size += 4 * layers
    if has_pictures:
        pictures = reader.read(8)
        size += 1
        for _ in range(pictures):
            reader.read(4)
            references = reader.read(2)
            reader.read(2)
            reader.read(8 * references)
            size += 1 + references
    return size


def _superframe(frames: list[bytes]) -> bytes:
    """VP9 bitstream specification, annex B."""
    if len(frames) == 1:
        return frames[0]
    width = (max(map(len, frames)).bit_length() + 7) // 8
    marker = bytes((0xC0 | (width - 1) << 3 | (len(frames) - 1),))
    return b"".join([*frames, marker, *(len(f).to_bytes(width, "little") for f in frames), marker])


def _setup(frames: list[bytes]) -> Setup | None:
    """Of a keyframe; the size is the largest layer's (VP9 bitstream specification, 6.2)."""
    sizes = [_keyframe_size(frame) for frame in frames]
    if sizes[0] is None:
        return None
    width, height = max(size for size in sizes if size is not None)
    return Setup(width, height)


def _keyframe_size(frame: bytes) -> tuple[int, int] | None:
    reader = BitReader(frame[:32])
    if reader.read(2) != 2:
        raise DepacketizeError("no frame marker")
    profile = reader.read(1) | reader.read(1) << 1
    if profile == 3:
        reader.read(1)
    if reader.flag():  # shows a frame decoded before
        return None
    if reader.flag():  # not a keyframe
        return None
    reader.read(2)
    if reader.read(24) != 0x498342:
        raise DepacketizeError("no sync code")
    if profile >= 2:
        reader.read(1)
    if reader.read(3) != _SRGB:
        reader.read(1)
        if profile in (1, 3):
            reader.read(3)
    elif profile in (1, 3):
        reader.read(1)
    return reader.read(16) + 1, reader.read(16) + 1
