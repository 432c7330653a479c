"""Ogg Opus (RFC 3533, RFC 7845): packets in, the bytes of pages out."""

import struct
import zlib

CLOCK_RATE = 48_000
PAGE_SAMPLES = CLOCK_RATE // 2  # of one page: a crash loses no more
MAX_PACKET_SAMPLES = 5_760  # 120 ms (RFC 6716 2.1.4)
CONCEALED_SAMPLES = CLOCK_RATE  # of a gap: DTX sends a packet each 400 ms, and noise is to last until then
MAX_GAP_SAMPLES = 600 * CLOCK_RATE  # longer silence is left out

_PAGE = struct.Struct("<4sBBqIII")
_CHECKSUM_OFFSET = 22
_FIRST, _LAST = 2, 4
_MAX_SEGMENTS = 255
_VENDOR = b"roomcast"

_SILK_SAMPLES = (480, 960, 1920, 2880)  # of a frame: 10, 20, 40, 60 ms
_HYBRID_SAMPLES = (480, 960)
_CELT_SAMPLES = (120, 240, 480, 960)
_SILENT = b"\xff\xfe"  # a frame of CELT


def packet_samples(packet: bytes) -> int:
    """Samples at 48 kHz in a packet, 0 for one that is malformed (RFC 6716 3.1, 3.2)."""
    if not packet:
        return 0
    config = packet[0] >> 3
    lengths = _lengths(config)
    samples = lengths[config % len(lengths)]
    code = packet[0] & 3
    if code < 3:
        frames = (1, 2, 2)[code]
    elif len(packet) > 1:
        frames = packet[1] & 0x3F
    else:
        return 0
    total = samples * frames
    return total if total <= MAX_PACKET_SAMPLES else 0


def _lengths(config: int) -> tuple[int, ...]:
    """Samples of a frame in the mode of `config`, whose configurations follow each other in this order."""
    if config < 12:
        return _SILK_SAMPLES
    return _HYBRID_SAMPLES if config < 16 else _CELT_SAMPLES


def silence(like: bytes, samples: int) -> list[tuple[bytes, int]]:
    """The fewest packets without sound that last `samples`, in frames as those of `like`; with their samples.

    Frames of no bytes ask the decoder to conceal a loss (RFC 7845 4.1), which it does for ever, with noise as
    loud as what was quietest before. So in a long gap it is told that there is silence.
    """
    rest = samples - CONCEALED_SAMPLES - MAX_PACKET_SAMPLES
    if rest <= 0:
        return _empty(like, samples)
    told = bytes((0xFB | like[0] & 0x04, 6)) + 6 * _SILENT
    return [*_empty(like, CONCEALED_SAMPLES), (told, MAX_PACKET_SAMPLES), *_empty(told, rest)]


def _empty(like: bytes, samples: int) -> list[tuple[bytes, int]]:
    """The rest is in the shortest frames of the same mode; what is less than one of these stays out."""
    config, packets = like[0] >> 3, []
    for frames_of in (config, config - config % len(_lengths(config))):
        toc = frames_of << 3 | like[0] & 0x04 | 3  # any number of frames, with as many channels
        each = packet_samples(bytes((toc, 1)))
        frames, samples = divmod(samples, each)
        while frames:
            count = min(frames, MAX_PACKET_SAMPLES // each)
            packets.append((bytes((toc, count)), count * each))
            frames -= count
    return packets


class OggOpus:
    """One stream. `serial` is any number; positions count from the first packet's timestamp."""

    def __init__(self, serial: int) -> None:
        self._serial = serial
        self._sequence = 0
        self._first: int | None = None  # timestamp
        self._position = 0  # samples so far
        self._page_start = 0
        self._lacing: list[int] = []
        self._body: list[bytes] = []

    def head(self) -> bytes:
        """The header pages (RFC 7845 5). No pre-skip: the first sample that was sent is played."""
        identification = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, CLOCK_RATE, 0, 0)
        comments = b"OpusTags" + struct.pack("<I", len(_VENDOR)) + _VENDOR + struct.pack("<I", 0)
        return self._page([len(identification)], [identification], 0, _FIRST) + self._page(
            [len(comments)], [comments], 0, 0
        )

    def packet(self, timestamp: int, packet: bytes) -> bytes:
        """Take a packet; returns the pages that are full.

        A gap before it is filled with packets that hold no sound, so that positions stay true (RFC 7845 4.1).
        """
        samples = packet_samples(packet)
        if not samples:
            return b""
        if self._first is None:
            self._first = timestamp
        missing = timestamp - self._first - self._position
        if missing > MAX_GAP_SAMPLES:
            self._first += missing
            missing = 0
        pages = [self._add(*filler) for filler in silence(packet, max(0, missing))]
        pages.append(self._add(packet, samples))
        if self._position - self._page_start >= PAGE_SAMPLES:
            pages.append(self.flush())
        return b"".join(pages)

    def _add(self, packet: bytes, samples: int) -> bytes:
        lacing = [255] * (len(packet) // 255) + [len(packet) % 255]
        page = b""
        if len(self._lacing) + len(lacing) > _MAX_SEGMENTS:
            page = self.flush()
        self._lacing += lacing
        self._body.append(packet)
        self._position += samples
        return page

    def flush(self, *, last: bool = False) -> bytes:
        """A page with the packets since the previous one; empty if there are none, unless it is the last."""
        if not self._lacing and not last:
            return b""
        page = self._page(self._lacing, self._body, self._position, _LAST if last else 0)
        self._lacing, self._body = [], []
        self._page_start = self._position
        return page

    def _page(self, lacing: list[int], body: list[bytes], position: int, flags: int) -> bytes:
        """RFC 3533 6."""
        page = bytearray(
            _PAGE.pack(b"OggS", 0, flags, position, self._serial, self._sequence, 0)
            + bytes((len(lacing), *lacing))
            + b"".join(body)
        )
        self._sequence += 1
        struct.pack_into("<I", page, _CHECKSUM_OFFSET, checksum(page))
        return bytes(page)


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(page: bytes | bytearray) -> int:
    """CRC-32 of a page whose checksum field is 0: polynomial 0x04c11db7, not reflected (RFC 3533 6).

    zlib has the same polynomial, with the bits of each byte and of the result the other way round, and with
    all bits inverted before and after.
    """
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(reflected.to_bytes(4, "little").translate(_REVERSED), "big")
