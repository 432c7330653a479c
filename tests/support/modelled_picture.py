"""How a browser shows a picture: whole frames in order, and from a keyframe on when one is lost.

For VP8, in which each packet tells whether a keyframe starts. A sender that leaves frames out numbers what it
sends without a gap, so a gap is a loss.
"""

from dataclasses import dataclass

from media.payload.keyframes import starts_keyframe
from media.payload.vp8 import Vp8Depacketizer
from tests.support.sequence_unwrapper import SequenceUnwrapper

FIRST_SECONDS = 0.2  # without a keyframe to begin with, until one is asked for
LOST_SECONDS = 3.0  # after which a missing packet is given up
ASK_SECONDS = 3.0  # between two requests of a keyframe
MOST_HELD = 3000  # packets


@dataclass(frozen=True, slots=True)
class _Packet:
    marker: bool
    payload: bytes


class ModelledPicture:
    """`receive` each packet, and ask `wants_keyframe`. `shown`: when each frame was, and its height."""

    def __init__(self) -> None:
        self.shown: list[tuple[float, int]] = []
        self.keyframes = 0
        self._unwrapper: SequenceUnwrapper | None = None
        self._held: dict[int, _Packet] = {}  # by index
        self._starts: list[int] = []  # of keyframes that are held, in order of arrival
        self._next: int | None = None  # the first packet of the next frame; None before a keyframe
        self._blocked_at: float | None = None
        self._asked_at = -ASK_SECONDS
        self._height = 0
        self._newest = -1

    def receive(self, sequence: int, marker: bool, payload: bytes, now: float) -> None:
        """Take a packet by its original sequence number, at once or by retransmission."""
        if self._unwrapper is None:
            self._unwrapper = SequenceUnwrapper(sequence)
        index = self._unwrapper.unwrap(sequence)
        if (self._next is not None and index < self._next) or len(self._held) >= MOST_HELD:
            return
        self._held[index] = _Packet(marker, payload)
        if starts_keyframe("VP8", payload):
            self._starts.append(index)
        if self._next is None or index != self._next:
            self._skip_to_keyframe()
        while self._next is not None and (end := self._end(self._next)) is not None:
            self._show(end, now)
        self._newest = max(self._newest, index)
        if self._next is not None and self._newest - self._next + 1 == len(self._held):
            self._blocked_at = None  # all that has come is of the next frame
        elif self._blocked_at is None:
            self._blocked_at = now

    def wants_keyframe(self, now: float) -> bool:
        """Whether to ask for one now."""
        lost = self._blocked_at is not None and now - self._blocked_at >= (
            LOST_SECONDS if self.shown else FIRST_SECONDS
        )
        if not lost or now - self._asked_at < ASK_SECONDS:
            return False
        self._asked_at = now
        return True

    def _skip_to_keyframe(self) -> None:
        """Go on with the latest keyframe that is complete, if one is."""
        for start in reversed(self._starts):
            if self._end(start) is not None:
                self._next = start
                self._forget()
                return

    def _end(self, start: int) -> int | None:
        """The index of the last packet of the frame that begins there, if all of it has come."""
        index = start
        while (packet := self._held.get(index)) is not None:
            if packet.marker:
                return index
            index += 1
        return None

    def _show(self, end: int, now: float) -> None:
        assert self._next is not None
        if self._next in self._starts:
            self.keyframes += 1
            frame = [self._held[index].payload for index in range(self._next, end + 1)]
            picture = Vp8Depacketizer().picture(frame)
            if picture is not None and picture.setup is not None:
                self._height = picture.setup.height
        self.shown.append((now, self._height))
        self._next = end + 1
        self._forget()

    def _forget(self) -> None:
        """What lies before the next frame."""
        assert self._next is not None
        for index in [index for index in self._held if index < self._next]:
            del self._held[index]
        self._starts = [start for start in self._starts if start >= self._next]
