"""All tracks of a room in one file, part after part: when a part begins, and what ends it."""

from collections.abc import Callable, Mapping

from media.payload.picture import Setup
from media.recording.frame import Frame
from media.recording.limits import Limits
from media.recording.mux_part import MuxPart, holds_change, suffix_for
from media.recording.part_file import PartFile
from media.recording.timeline import Timeline
from shared.sdp.codec import Codec

COMPANY_SECONDS = 0.5  # a keyframe waits this long for the first sound, so that neither is cut
PICTURE_SECONDS = 3.0  # sound waits this long for a picture; then it gets a file of its own


class MuxFile:
    """`open_part` opens the next file, given its suffix; `ended` is called with each complete file.

    `now` is in seconds of a steady clock. Raises `OSError`.
    """

    def __init__(
        self,
        codecs: Mapping[int, Codec],
        videos: frozenset[int],
        timeline: Timeline,
        limits: Limits,
        open_part: Callable[[str], PartFile],
        ended: Callable[[PartFile], None],
    ) -> None:
        self._codecs = codecs
        self._videos = videos
        self._timeline = timeline
        self._limits = limits
        self._open_part = open_part
        self._ended = ended
        self._part: MuxPart | None = None
        self._pending: list[tuple[float, int, Frame]] = []
        self._pending_since = 0.0
        self._began = 0.0
        self._latest = 0.0

    @property
    def wants_keyframe(self) -> bool:
        """Whether a new part is due, and waits for a keyframe to begin with."""
        part = self._part
        return part is not None and (
            part.file.removed or self._limits.reached(self._latest - self._began, part.file.size)
        )

    def write(self, number: int, frame: Frame, now: float) -> None:
        """Add a frame of track `number`, which arrived at `now`."""
        seconds = self._timeline.seconds(number, frame.timestamp, now)
        self._latest = max(self._latest, seconds)
        if self._part is not None and self._ends_with(self._part, number, frame):
            self.close()
        if self._part is not None:
            if self._part.has(number):
                self._part.write(number, seconds - self._began, frame)
            return
        if not self._pending:
            self._pending_since = now
        self._pending.append((seconds, number, frame))
        self.poll(now)

    def _ends_with(self, part: MuxPart, number: int, frame: Frame) -> bool:
        """Whether `frame` is the first of another part."""
        if frame.setup is None:
            return number not in self._videos and not part.setups and self.wants_keyframe
        if number not in part.setups:
            return True
        return self.wants_keyframe or (
            not holds_change(self._codecs[number]) and part.setups[number] != frame.setup
        )

    def poll(self, now: float) -> None:
        """Begin a part if its first frames have waited long enough."""
        if self._part is not None or not self._pending:
            return
        waited = now - self._pending_since
        setups = {number: frame.setup for _, number, frame in self._pending if frame.setup}
        present = {number for _, number, _ in self._pending}
        complete = setups.keys() >= self._videos
        if (
            complete and (present >= self._codecs.keys() or waited >= COMPANY_SECONDS)
        ) or waited >= PICTURE_SECONDS:
            self._begin(setups)

    def _begin(self, setups: dict[int, Setup]) -> None:
        codecs = {
            number: codec
            for number, codec in self._codecs.items()
            if number in setups or number not in self._videos
        }
        self._part = MuxPart(self._open_part(suffix_for(codecs)), codecs, setups)
        pending, self._pending = sorted(self._pending, key=lambda item: item[:2]), []
        self._began = pending[0][0]
        for seconds, number, frame in pending:
            if self._part.has(number):
                self._part.write(number, seconds - self._began, frame)

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
