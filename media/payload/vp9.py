"""VP9: RTP payloads (RFC 9628) to frames; several spatial layers become one superframe."""

from collections.abc import Sequence

from media.payload.bits import BitReader
from media.payload.picture import DepacketizeError, Picture, Setup

_MAX_LAYERS = 8  # of a superframe
_SRGB = 7


def starts_keyframe(payload: bytes) -> bool:
    """B without P, in the lowest spatial layer.

    FFmpeg never sets P. So without a scalability structure (V) the frame itself decides.
    """
    first = payload[0]
    if first & 0x48 != 0x08:
        return False
    layer, at = _layer(payload)
    return not layer and (first & 0x02 != 0 or _is_keyframe(payload[at]))


def picture_size(payload: bytes) -> tuple[int, int] | None:
    """Width and height in a payload in which a keyframe starts; the largest layer's, where they are told."""
    size, _, sizes = _descriptor(payload)
    if sizes:
        return max(sizes)
    return _keyframe_size(payload[size:]) if size < len(payload) else None


def temporal_layer(payload: bytes) -> int | None:
    """TID (RFC 9628 4.2); None without one."""
    return _layer_flags(payload) >> 5 if payload[0] & 0x20 else None


def is_switch(payload: bytes, top: int) -> bool:
    """U of a picture of layer 0 that starts (RFC 9628 4.2): all higher layers need nothing before it."""
    if payload[0] & 0x28 != 0x28:  # L and B
        return False
    return top > 0 and _layer_flags(payload) & 0xFE == 0x10  # TID 0, U, SID 0; D does not matter


def _layer_flags(payload: bytes) -> int:
    """The octet with TID, U, SID and D, where L is set."""
    return payload[_behind_picture_id(payload)]


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
        sizes: Sequence[tuple[int, int]] = ()
        for payload in payloads:
            size, _, told = _descriptor(payload)
            sizes = sizes or told
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
        return Picture(_superframe(frames), _setup(frames, sizes))


def _behind_picture_id(payload: bytes) -> int:
    if not payload[0] & 0x80:  # I
        return 1
    return 3 if payload[1] & 0x80 else 2  # 7 or 15 bits


def _layer(payload: bytes) -> tuple[int, int]:
    """The spatial layer, and where the layer indices end (RFC 9628 4.2). May raise `IndexError`."""
    first = payload[0]
    at = _behind_picture_id(payload)
    if not first & 0x20:  # L
        return 0, at
    return payload[at] >> 1 & 0x07, at + (1 if first & 0x10 else 2)  # TL0PICIDX, except in flexible mode (F)


def _descriptor(payload: bytes) -> tuple[int, int, list[tuple[int, int]]]:
    """Size of the payload descriptor, spatial layer, and the layers' pictures if told (RFC 9628 4.2)."""
    try:
        layer, size = _layer(payload)
    except IndexError:
        raise DepacketizeError("descriptor is cut") from None
    reader = BitReader(payload[size:64])
    if payload[0] & 0x50 == 0x50:  # P and F
        for _ in range(3):  # P_DIFF
            size += 1
            if not reader.read(8) & 1:
                break
    sizes: list[tuple[int, int]] = []
    if payload[0] & 0x02:  # V
        own_size, sizes = _structure(reader)
        size += own_size
    if size > len(payload):
        raise DepacketizeError("descriptor is cut")
    return size, layer, sizes


def _structure(reader: BitReader) -> tuple[int, list[tuple[int, int]]]:
    """Its size, and width and height of each spatial layer; empty if it does not tell (RFC 9628 4.2.1)."""
    layers, has_sizes, has_pictures = reader.read(3) + 1, reader.flag(), reader.flag()
    reader.read(3)
    sizes = [(reader.read(16), reader.read(16)) for _ in range(layers)] if has_sizes else []
    size = 1 + 4 * len(sizes)
    if has_pictures:
        pictures = reader.read(8)
        size += 1
        for _ in range(pictures):
            reader.read(4)
            references = reader.read(2)
            reader.read(2)
            reader.read(8 * references)
            size += 1 + references
    return size, sizes


def _superframe(frames: list[bytes]) -> bytes:
    """VP9 bitstream specification, annex B."""
    if len(frames) == 1:
        return frames[0]
    width = (max(map(len, frames)).bit_length() + 7) // 8
    marker = bytes((0xC0 | (width - 1) << 3 | (len(frames) - 1),))
    return b"".join([*frames, marker, *(len(f).to_bytes(width, "little") for f in frames), marker])


def _setup(frames: list[bytes], told: Sequence[tuple[int, int]]) -> Setup | None:
    """The setup of a keyframe; the size is the largest layer's (VP9 bitstream specification, 6.2).

    Layers above the first may be predicted from it, and say no size: `told` are those of the descriptors.
    """
    sizes = [_keyframe_size(frame) for frame in frames]
    if sizes[0] is None:
        return None
    return Setup(*max([size for size in sizes if size is not None] + [*told[: len(frames)]]))


def _is_keyframe(head: int) -> bool:
    """Whether a frame is a keyframe, by its first byte.

    It has frame_marker, profile, show_existing_frame and frame_type (6.2).
    """
    existing_or_inter = 0x06 if head & 0x30 == 0x30 else 0x0C  # profile 3 has a reserved bit before
    return head & 0xC0 == 0x80 and not head & existing_or_inter


def _keyframe_size(frame: bytes) -> tuple[int, int] | None:
    """Width and height; None for a frame that is no keyframe (6.2)."""
    if frame[0] & 0xC0 != 0x80:
        raise DepacketizeError("no frame marker")
    if not _is_keyframe(frame[0]):
        return None
    reader = BitReader(frame[:32])
    reader.read(2)
    profile = reader.read(1) | reader.read(1) << 1
    reader.read(5 if profile == 3 else 4)
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
