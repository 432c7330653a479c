"""A modelled publisher of sound and a picture in three layers, with sizes and a pace like Chromium."""

import random
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from media.rtp.rtcp import Fir, Pli, parse_compound, sender_report
from tests.support.far_publisher import FarPublisher

FRAME_SECONDS = 1 / 15
SOUND_SECONDS, SOUND_OCTETS = 0.02, 80
KEYFRAME = 4.0  # times the size of a mean picture
LOWEST_SHARE = 0.6  # of a layer is its lower temporal layer
ENCODE_SECONDS = 0.03
LEAST_APART = 0.3  # seconds from one keyframe to the next
PACKET = 1_150  # octets of a payload
PACE = 2.5  # times the bit rate of all layers: so fast packets leave
REPORT_SECONDS = 1.0
_RANGE = 0xFFFFFFFF


class _Waiting(NamedTuple):
    track: int
    payload: bytes
    timestamp: int
    marker: bool


class LayersSource:
    """`bitrates` of the layers, best first; the sound is behind them. A keyframe is one of all layers."""

    def __init__(self, publisher: FarPublisher, bitrates: Sequence[int], seed: int, now: float) -> None:
        self.keyframes = 0
        self._publisher = publisher
        self._bitrates = bitrates
        self._random = random.Random(f"source {seed}")
        self._frame_at = self._sound_at = self._paced_at = now
        self._report_at = now + REPORT_SECONDS
        self._keyframe_at: float | None = now
        self._last_keyframe = now - LEAST_APART
        self._frames = 0
        self._queue: deque[_Waiting] = deque()
        self._credit = 0.0
        self._counts = [[0, 0] for _ in range(len(bitrates) + 1)]

    def due(self, now: float) -> list[bytes]:
        """The datagrams that leave until now."""
        self._hear(now)
        out: list[bytes] = []
        sound = len(self._bitrates)
        while self._sound_at <= now:
            self._sound_at += SOUND_SECONDS
            payload = self._random.randbytes(SOUND_OCTETS)
            out.append(self._send(_Waiting(sound, payload, round(self._sound_at * 48_000) & _RANGE, False)))
        while self._frame_at <= now:
            self._frame_at += FRAME_SECONDS
            self._picture(now)
        self._credit = min(self._credit + (now - self._paced_at) * sum(self._bitrates) * PACE / 8, 3_000.0)
        self._paced_at = now
        while self._queue and self._credit > 0:
            waiting = self._queue.popleft()
            self._credit -= len(waiting.payload)
            out.append(self._send(waiting))
        if now >= self._report_at:
            self._report_at += REPORT_SECONDS
            out += [self._report(track, now) for track in range(sound + 1)]
        return out

    def _hear(self, now: float) -> None:
        told, self._publisher.told[:] = list(self._publisher.told), []
        for compound in told:
            if self._keyframe_at is None and any(
                isinstance(packet, Pli | Fir) for packet in parse_compound(compound)
            ):
                self._keyframe_at = max(now + ENCODE_SECONDS, self._last_keyframe + LEAST_APART)

    def _picture(self, now: float) -> None:
        is_key = self._keyframe_at is not None and now >= self._keyframe_at
        if is_key:
            self._keyframe_at, self._last_keyframe = None, now
            self.keyframes += 1
        self._frames = 0 if is_key else self._frames + 1
        upper = self._frames % 2 == 1
        for layer in reversed(range(len(self._bitrates))):  # the smallest is encoded first
            mean = self._bitrates[layer] / 8 * FRAME_SECONDS
            share = KEYFRAME if is_key else 2 * (1 - LOWEST_SHARE if upper else LOWEST_SHARE) * 0.85
            size = max(60, round(mean * share * self._random.uniform(0.75, 1.25)))
            parts = -(-size // PACKET)
            body = _frame(is_key, 360 >> layer, size)
            for place in range(parts):
                part = body[place * PACKET : (place + 1) * PACKET]
                head = bytes((0x90 if place == 0 else 0x80, 0x20, upper << 6 | upper << 5))
                timestamp = round(now * 90_000) + 7_000 * layer & _RANGE
                self._queue.append(_Waiting(layer, head + part, timestamp, place == parts - 1))

    def _send(self, packet: _Waiting) -> bytes:
        count = self._counts[packet.track]
        count[0], count[1] = count[0] + 1, count[1] + len(packet.payload)
        return self._publisher.packet(
            packet.track, packet.payload, timestamp=packet.timestamp, marker=packet.marker
        )

    def _report(self, track: int, now: float) -> bytes:
        rate, ahead = (48_000, 0) if track == len(self._bitrates) else (90_000, 7_000 * track)
        ntp = round((now + 3_000_000_000) * (1 << 32)) & (1 << 64) - 1
        report = sender_report(
            self._publisher.ssrcs[track], ntp, round(now * rate) + ahead & _RANGE, *self._counts[track]
        )
        return self._publisher.protect_rtcp(report)


def _frame(is_key: bool, height: int, size: int) -> bytes:
    """As much of a VP8 frame as tells what it is (RFC 6386 9.1)."""
    if not is_key:
        return b"\x31\x00\x00".ljust(size, b"\x55")
    start = (
        b"\x10\x00\x00\x9d\x01\x2a" + (height * 16 // 9).to_bytes(2, "little") + height.to_bytes(2, "little")
    )
    return start.ljust(size, b"\x55")
