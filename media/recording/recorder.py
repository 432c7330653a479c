"""Recording in this worker: opens a recording for each room, uploads finished files, deletes old ones."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from media.negotiation.agreed_tracks import RoomTrack
from media.recording.backlog import Backlog
from media.recording.disk_space import DiskSpace
from media.recording.disk_threads import DiskThreads
from media.recording.journal import Journal, NoJournal
from media.recording.limits import ChangeAllowance, Limits
from media.recording.recording import Recording
from media.recording.upload import Uploader
from media.recording.writer import Writer
from media.tracks.source_report import SourceReport
from shared.messages.events import EventType
from shared.messages.room_settings import RecordingNote
from shared.names import RoomName
from shared.records.details import Described
from shared.records.details_folder import delete_recording
from shared.records.folder import list_folder
from shared.records.record_name import RecordName, parse_record_name
from shared.records.store import Store
from shared.settings.settings import Settings
from shared.telemetry.logging import get_logger

# For all rooms; one room has one at most. They compute more than they wait for the disk: beside 32 of them a
# packet of the relay waited up to 11 ms for the interpreter's lock.
WRITER_THREADS = 4
CLEAN_SECONDS = 600.0
# When the worker stops:
WRITE_REST_SECONDS = 10.0  # for what waits for the disk
REST_SECONDS = 60.0  # for that and for the uploads
FINISH_SECONDS = 1.5  # also when it stops at once: `roomcast up` kills a worker after 2.5 s
MAX_NAMED = 20  # rooms in a line of the log
_LOOK_SECONDS = 0.1
_DAY = 86_400

log = get_logger()


class _FilesOfRoom:
    """A `FileLog`: passes on what the writers of one recording report."""

    def __init__(self, recorder: "Recorder", note: Callable[[], RecordingNote | None]) -> None:
        self._recorder = recorder
        self._note = note

    def began(self, name: str) -> None:
        self._recorder.began(name)

    def finished(self, name: str) -> None:
        self._recorder.finished(name, self._note())


class Recorder:
    """Owned by the worker. `run` uploads and deletes until cancelled; `finish` ends it in bounded time.

    Only its threads call the disk. In these it calls `tell` with each file that is complete, and what its
    recording is called, and with each that is in the store. What `describe` says of a file is uploaded with
    it.
    """

    def __init__(
        self,
        settings: Settings,
        tell: Callable[[EventType, RecordName, RecordingNote | None], None] = lambda *_: None,
        describe: Callable[[RecordName], Described | None] = lambda _name: None,
    ) -> None:
        self._tell = tell
        self._folder = Path(settings.record_dir)
        self._forms = settings.record_formats
        self._limits = Limits(settings.record_max_seconds, settings.record_max_bytes)
        self._keep_seconds = settings.record_keep_days * _DAY
        self._recordings: set[Recording] = set()
        self._threads = DiskThreads("recording", WRITER_THREADS)
        self._housekeeping = DiskThreads("recordings housekeeping", 1)
        self.space = DiskSpace(self._folder)
        self._backlog = Backlog()
        self._wanted = asyncio.Event()  # where no room is recorded, the disk is left alone
        if settings.record_enabled or settings.upload_recordings:
            self._wanted.set()
        self._journal: Journal | NoJournal = NoJournal()
        self._uploader: Uploader | None = None
        if settings.upload_recordings:
            self._journal = Journal(self._folder)
            self._uploader = Uploader(
                lambda: Store(settings),
                self._journal,
                self._folder,
                lambda name: tell(EventType.RECORDING_UPLOADED, name, None),
                describe,
                delete=settings.delete_recording_after_upload,
            )
        self._due: set[str] = set()  # files of this worker that wait for their upload
        self._due_lock = threading.Lock()
        # counted by recordings that have ended
        self._dropped_before = 0
        self._failures_before = 0
        self._restarts_before = 0
        self._changes_refused_before = 0

    def open(
        self,
        room: RoomName,
        tracks: Sequence[RoomTrack],
        formats: Sequence[str] = (),
        note: RecordingNote | None = None,
        *,
        reported: Callable[[int], SourceReport | None],
        want_keyframe: Callable[[int], None],
        warn: Callable[[str, bool], None],
    ) -> Recording:
        """Record a room from its next packet on; see `Recording` for the arguments. Does not wait.

        Without `formats`, in those of the settings.
        """

        def new_writer(changes: ChangeAllowance) -> Writer:
            files = _FilesOfRoom(self, lambda: recording.note)
            return Writer(room, tracks, self._folder, formats or self._forms, self._limits, changes, files)

        recording = Recording(
            room,
            len(tracks),
            new_writer,
            self._threads,
            self._backlog,
            reported,
            want_keyframe,
            warn,
            monotonic,
            note,
        )
        self._recordings.add(recording)
        self._wanted.set()
        recording.add_done_callback(self._done)
        return recording

    @property
    def dropped(self) -> int:
        """Packets that were not recorded because the disk did not keep up, in total."""
        return self._dropped_before + sum(recording.dropped for recording in self._recordings)

    @property
    def waiting(self) -> int:
        """Packets of all recordings that wait for the disk."""
        return sum(recording.waiting for recording in self._recordings)

    @property
    def active(self) -> int:
        """Rooms that are being recorded."""
        return sum(recording.failure is None for recording in self._recordings)

    @property
    def failing(self) -> int:
        """Rooms that are not recorded at present, because of an error."""
        return sum(recording.failure is not None for recording in self._recordings)

    @property
    def failures(self) -> int:
        """How often a recording stopped because of an error, in total."""
        return self._failures_before + sum(recording.failures for recording in self._recordings)

    @property
    def restarts(self) -> int:
        """How often a recording started again after an error, in total."""
        return self._restarts_before + sum(recording.restarts for recording in self._recordings)

    @property
    def changes_refused(self) -> int:
        """Keyframes left out because the stream had changed too often for another file, in total."""
        return self._changes_refused_before + sum(one.changes.refused for one in self._recordings)

    @property
    def uploaded(self) -> int:
        return self._uploader.uploaded if self._uploader else 0

    @property
    def upload_failures(self) -> int:
        return self._uploader.failures if self._uploader else 0

    def _done(self, recording: Recording) -> None:
        self._recordings.discard(recording)
        self._dropped_before += recording.dropped
        self._failures_before += recording.failures
        self._restarts_before += recording.restarts
        self._changes_refused_before += recording.changes.refused

    # --- what the writers report

    def began(self, name: str) -> None:
        self._journal.began(name)

    def finished(self, name: str, note: RecordingNote | None = None) -> None:
        self._journal.finished(name)
        with self._due_lock:
            self._due = {*self._due & self._journal.names(), name}
        if (record := parse_record_name(name)) is not None:
            self._tell(EventType.RECORDING_READY, record, note)
        if self._uploader is not None:
            self._uploader.wake()

    # --- the worker's life

    async def run(self) -> None:
        """Upload, and delete what is old, until cancelled. No file that cannot be deleted ends the worker."""
        await self._wanted.wait()
        if self._uploader is not None:
            self._uploader.start()
        looking = asyncio.ensure_future(self.space.run())
        try:
            while True:
                if self._keep_seconds:
                    await self._clear()
                await asyncio.sleep(CLEAN_SECONDS)
        finally:
            looking.cancel()
            if self._uploader is not None:
                self._uploader.stop()

    async def _clear(self) -> None:
        try:
            await self._housekeeping.call(self.clear, time.time())
        except OSError as error:
            log.warning("old recordings not deleted", error=error.strerror or str(error))
        except Exception:
            log.exception("old recordings not deleted")

    async def rest(self) -> None:
        """Wait until all recordings are written and this worker's files are in the store, for a time.

        What is not uploaded then is uploaded by the next worker that finds the journal.
        """
        deadline = monotonic() + REST_SECONDS
        await self._written(WRITE_REST_SECONDS)
        if self._uploader is None:
            return
        try:
            async with asyncio.timeout(max(0.0, deadline - monotonic())):
                while True:
                    if not self._due & await self._housekeeping.call(self._journal.names):
                        return
                    await asyncio.sleep(_LOOK_SECONDS)
        except (TimeoutError, OSError):
            log.warning("recordings are not uploaded yet")

    async def finish(self) -> None:
        """Give the last files and the upload in progress `FINISH_SECONDS`; log what is incomplete then.

        An incomplete file is as a crash leaves it: it opens, and the next worker uploads it.
        """
        deadline = monotonic() + FINISH_SECONDS
        await self._written(FINISH_SECONDS)
        if self._uploader is not None:
            left = max(0.0, deadline - monotonic())
            with suppress(TimeoutError):  # the thread for it may hang
                async with asyncio.timeout(left):
                    await self._housekeeping.call(self._uploader.join, left)
        if self._recordings:
            rooms = sorted(recording.room for recording in self._recordings)
            log.error(
                "recordings left incomplete: the disk did not take them in time",
                rooms=rooms[:MAX_NAMED],
                count=len(rooms),
                packets=self.waiting,
            )

    async def _written(self, seconds: float) -> None:
        """Wait until the files of all closed recordings are complete, at most so long."""
        if self._recordings:
            await asyncio.wait([recording.complete for recording in self._recordings], timeout=seconds)

    def clear(self, now: float) -> None:
        """Delete files older than `RECORD_KEEP_DAYS`, except those that wait for their upload."""
        due = self._journal.names()
        for record in list_folder(self._folder):
            if record.modified < now - self._keep_seconds and record.name not in due:
                try:
                    self._delete(record.name)
                except OSError as error:  # a file that cannot be deleted must not keep the others
                    log.warning("old recording not deleted", name=record.name, error=error.strerror)
                else:
                    log.info("old recording deleted", name=record.name)

    def _delete(self, text: str) -> None:
        if (name := parse_record_name(text)) is not None:
            delete_recording(self._folder, name)
