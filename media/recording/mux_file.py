"""All tracks of a room in one file, part after part: when a part begins, and what ends it."""

import math
from collections.abc import Callable, Mapping

from media.payload.picture import Setup
from media.recording.frame import Frame
from media.recording.limits import ChangeAllowance, Limits
from media.recording.mux_part import MuxPart, holds_change, suffix_for
from media.recording.part_file import PartFile
from media.recording.timeline import Placed
from shared.sdp.codec import Codec

COMPANY_SECONDS = 0.5  # a keyframe waits this long for the first sound and for the next picture
PICTURE_SECONDS = 3.0  # sound waits this long for a picture; then it gets a file of its own
CLEAR_SECONDS = 0.001  # see `_clear_of_half`
MAX_HELD_BYTES = 32 << 20  # of frames in memory; timestamps that stand still would fill it
# Frames of a part: 150 MB in memory, and seven hours of 30 pictures a second with sound.
MAX_TABLED = 2_000_000


class MuxFile:
    """`open_part` opens the next file, given its suffix, and when its first frame arrived.

    `ended` is called with each complete file.

    `now` is in seconds of a steady clock. Raises `OSError`.
    """

    def __init__(
        self,
        codecs: Mapping[int, Codec],
        videos: frozenset[int],
        limits: Limits,
        changes: ChangeAllowance,
        open_part: Callable[[str, float], PartFile],
        ended: Callable[[PartFile], None],
    ) -> None:
        self._codecs = codecs
        self._videos = videos
        self._limits = limits
        self._changes = changes
        self._open_part = open_part
        self._ended = ended
        self._part: MuxPart | None = None
        self._pending: list[tuple[float, int, Frame]] = []
        self._pending_since: float
        self._pending_size = 0
        self._unfit: set[int] = set()  # video tracks left out until a keyframe that fits
        self._began: float
        self._times: dict[int, float] = {}  # of each track's latest frame, ...
        self._paces: dict[int, float] = {}  # ... and how far it was from the one before
        self._moved: dict[int, float] = {}  # what is added to the times of a track in this part
        self._latest = -math.inf

    @property
    def is_due(self) -> bool:
        """Whether a new part begins with the next keyframe."""
        part = self._part
        return part is not None and (
            part.file.removed
            or part.tabled >= MAX_TABLED
            or self._limits.reached(self._latest - self._began, part.file.size)
        )

    @property
    def held(self) -> int:
        """Bytes of frames that are in memory."""
        return self._pending_size + (0 if self._part is None else self._part.held)

    def wants_keyframe(self, now: float) -> bool:
        """Whether a keyframe would be of use: for a new part, or for pictures that are left out."""
        if self.is_due or (self._part is None and self._pending and self._lacking):
            return True
        return bool(self._unfit) and (self._part is None or self._changes.has_one(now))

    @property
    def _lacking(self) -> set[int]:
        """The videos that come, and could not be in a part that began now."""
        coming = {video for video in self._videos if self._comes(video)}
        return coming - {number for _, number, frame in self._pending if frame.setup}

    def _comes(self, number: int) -> bool:
        return self._latest - self._times.get(number, -math.inf) < PICTURE_SECONDS

    def write(self, placed: Placed) -> None:
        """Add a frame."""
        seconds, number, frame, now = placed
        self._latest = max(self._latest, seconds)
        if number in self._times and seconds > self._times[number]:
            self._paces[number] = seconds - self._times[number]
        self._times[number] = seconds
        if number in self._unfit and frame.setup is None:
            return
        self._unfit.discard(number)
        setups = {other: waiting.setup for _, other, waiting in self._pending if waiting.setup}
        if number in setups and self._differs(number, setups[number], frame):
            self._begin(setups)  # what waits is a part of its own
        if self._part is not None and self._ends_part(number, frame):
            self.close()
        elif self._part is not None and self._is_change(number, frame):
            if not self._changes.take(now):
                self._unfit.add(number)
                return
            self.close()
        if self._part is None:
            self._wait(seconds, number, frame, now)
        elif self._part.has(number):
            self._write(self._part, number, seconds, frame)
            if self.held > MAX_HELD_BYTES or self._part.tabled >= 2 * MAX_TABLED:  # no keyframe came
                self.close()
                self._unfit = set(self._videos)
        elif number in self._videos:
            self._unfit.add(number)

    def _ends_part(self, number: int, frame: Frame) -> bool:
        """Whether the part is due to end, and `frame` can begin another: sound, if no picture comes."""
        if self._part is None or not self.is_due:
            return False
        is_sound_alone = number not in self._videos and not any(map(self._comes, self._part.setups))
        return frame.setup is not None or is_sound_alone

    def _is_change(self, number: int, frame: Frame) -> bool:
        """Whether the part's container cannot hold `frame`, and another one could."""
        if self._part is None or frame.setup is None:
            return False
        setup = self._part.setups.get(number)
        return setup is None or self._differs(number, setup, frame)

    def _differs(self, number: int, setup: Setup, frame: Frame) -> bool:
        """Whether a part that began with `setup` cannot hold `frame`."""
        return frame.setup not in (None, setup) and not holds_change(self._codecs[number])

    def _wait(self, seconds: float, number: int, frame: Frame, now: float) -> None:
        """Keep a frame until a part can begin."""
        if not self._pending:
            self._pending_since = now
        self._pending.append((seconds, number, frame))
        self._pending_size += len(frame.data)
        self.poll(now)

    def poll(self, now: float) -> None:
        """Begin a part if its first frames have waited long enough."""
        if self._part is not None or not self._pending:
            return
        waited = now - self._pending_since
        setups = {number: frame.setup for _, number, frame in self._pending if frame.setup}
        complete = setups.keys() >= self._videos
        numbers = [number for _, number, _ in self._pending]
        present = set(numbers)
        paced = all(number in self._paces or numbers.count(number) > 1 for number in setups)
        if (
            (complete and ((paced and present >= self._codecs.keys()) or waited >= COMPANY_SECONDS))
            or waited >= PICTURE_SECONDS
            or self._pending_size > MAX_HELD_BYTES
        ):
            self._begin(setups)

    def _begin(self, setups: dict[int, Setup]) -> None:
        codecs = {
            number: codec
            for number, codec in self._codecs.items()
            if number in setups or number not in self._videos
        }
        self._part = MuxPart(self._open_part(suffix_for(codecs), self._pending_since), codecs, setups)
        pending, self._pending = sorted(self._pending, key=lambda item: item[:2]), []
        self._pending_size = 0
        self._began = pending[0][0]
        first = {number: seconds - self._began for seconds, number, _ in reversed(pending)}
        self._moved = {
            number: _clear_of_half(first[number], self._paces.get(number, 0.0)) for number in setups
        }
        for seconds, number, frame in pending:
            if self._part.has(number):
                self._write(self._part, number, seconds, frame)

    def _write(self, part: MuxPart, number: int, seconds: float, frame: Frame) -> None:
        part.write(number, seconds - self._began + self._moved.get(number, 0.0), frame)

    def close(self) -> None:
        """End the part. The next frame begins another."""
        part, self._part = self._part, None
        if part is not None:
            try:
                part.close()
            finally:
                self._ended(part.file)

    def end(self) -> None:
        """End the recording: frames that still wait for other tracks are written without them."""
        if self._part is None and self._pending:
            self._begin({number: frame.setup for _, number, frame in self._pending if frame.setup})
        self.close()


def _clear_of_half(first: float, pace: float) -> float:
    """What to add to a track's times so that its first picture is not half its `pace` off the whole paces.

    FFmpeg numbers the pictures of an even stream by rounding their times, which WebM has in milliseconds:
    half way between two numbers it would give one of them to two pictures, and the next one to none.
    """
    if not pace:
        return 0.0
    off = first % pace - pace / 2
    return CLEAR_SECONDS - off if abs(off) < CLEAR_SECONDS else 0.0
