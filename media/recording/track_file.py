"""One track in files of its own, part after part."""

from collections.abc import Callable

from media.recording.frame import Frame
from media.recording.limits import Limits
from media.recording.part_file import PartFile
from media.recording.track_form import TrackForm, track_form

FLUSH_BYTES = 256 * 1024


class TrackFile:
    """`open_part` opens the next file; `ended` is called with each complete one. Raises `OSError`."""

    def __init__(
        self,
        codec: str,
        clock_rate: int,
        limits: Limits,
        open_part: Callable[[], PartFile],
        ended: Callable[[PartFile], None],
    ) -> None:
        self._codec = codec
        self._clock_rate = clock_rate
        self._limits = limits
        self._open_part = open_part
        self._ended = ended
        self._file: PartFile | None = None
        self._form: TrackForm | None = None
        self._pending = bytearray()
        self._began: int  # timestamp of the first frame in the file, ...
        self._latest: int  # ... and of the latest
        self._removed = False  # its file, by somebody else; looked at with each flush

    @property
    def wants_keyframe(self) -> bool:
        """Whether a new part is due, and waits for a keyframe to begin with."""
        file = self._file
        return file is not None and (
            self._removed
            or self._limits.reached(
                (self._latest - self._began) / self._clock_rate, file.size + len(self._pending)
            )
        )

    def write(self, frame: Frame) -> None:
        if self._file is not None:
            self._latest = max(self._latest, frame.timestamp)
            if (frame.keyframe or self._codec == "opus") and self.wants_keyframe:
                self.close()
        first = self._file is None
        if first:
            self._file = self._open_part()
            self._form = track_form(self._codec, self._clock_rate)
            self._began = self._latest = frame.timestamp
        assert self._form is not None
        self._pending += self._form.frame(frame)
        if first or len(self._pending) >= FLUSH_BYTES:  # no file stays empty for long, in case of a crash
            self.flush()

    def flush(self) -> None:
        """Write to disk what is pending."""
        if self._file is None or self._form is None:
            return
        self._removed = self._file.removed
        self._pending += self._form.flush()
        if not self._pending:
            return
        self._file.write(self._pending)
        self._file.commit()
        self._pending = bytearray()
        if patch := self._form.patch():
            self._file.overwrite(*patch)

    def close(self) -> None:
        """End the part. The next frame begins another."""
        if self._file is None or self._form is None:
            return
        file, form = self._file, self._form
        try:
            self._pending += form.end()
            self.flush()
        finally:
            self._file = self._form = None
            self._pending = bytearray()
            file.close()
            self._ended(file)
