"""Recording in this worker: opens a recording for each room, uploads finished files, deletes old ones."""

import asyncio
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from media.counts import Totals
from media.negotiation.agreed_tracks import RoomTrack
from media.recording.backlog import Backlog
from media.recording.disk_threads import DiskThreads
from media.recording.file_facts import FilesOfRoom
from media.recording.journal import Journal
from media.recording.left_file import has_media
from media.recording.limits import ChangeAllowance, Limits
from media.recording.recording import Recording
from media.recording.upload import Uploader
from media.recording.writer import Writer
from media.tracks.source_report import SourceReport
from shared.messages.events import EventType, Facts
from shared.messages.room_settings import RecordingNote
from shared.names import RoomName
from shared.records.details import Described
from shared.records.details_folder import delete_details, delete_recording
from shared.records.folder import delete_file, find_in_folder, list_folder
from shared.records.record_name import RecordName, parse_record_name
from shared.records.store import Store
from shared.settings.settings import Settings
from shared.telemetry.logging import get_logger

# For all rooms; one room has one at most. They compute more than they wait for the disk: beside 32 of them a
# packet of the relay waited up to 11 ms for the interpreter's lock.
WRITER_THREADS = 4
LOOK_SECONDS = 10.0  # between looks for files that killed workers left, and at the space
CLEAN_SECONDS = 600.0  # between looks for files that are too old
MOST_DELETED = 200  # files in one look, so that it ends
# When the worker stops:
WRITE_REST_SECONDS = 10.0  # for what waits for the disk
REST_SECONDS = 60.0  # for that and for the uploads
FINISH_SECONDS = 1.5  # also when it stops at once: `roomcast up` kills a worker after 2.5 s
MAX_NAMED = 20  # rooms in a line of the log
_LOOK_SECONDS = 0.1
_DAY = 86_400

log = get_logger()


class Recorder:
    """Owned by the worker. `run` uploads and deletes until cancelled; `finish` ends it in bounded time.

    Only its threads call the disk. In these it calls `tell` with each file that was begun, is complete, or is
    in the store, and what is to be said of it. What `describe` says of a file is uploaded with it.
    `keep_days_of` is how long recordings of a room stay on the disk (0: for ever), `unix_clock` the same for
    all workers.
    """

    def __init__(
        self,
        settings: Settings,
        tell: Callable[[EventType, RecordName, Facts], None] = lambda *_: None,
        describe: Callable[[RecordName], Described | None] = lambda _name: None,
        keep_days_of: Callable[[str], float] | None = None,
        unix_clock: Callable[[], float] = time.time,
    ) -> None:
        self._tell = tell
        self._folder = Path(settings.record_dir)
        self._forms = settings.record_formats
        self._limits = Limits(settings.record_max_seconds, settings.record_max_bytes)
        self._keep_days_of = keep_days_of or (lambda _room: settings.record_keep_days)
        self._min_free = settings.record_min_free_bytes
        self._unix_clock = unix_clock
        self._recordings: set[Recording] = set()
        self._threads = DiskThreads("recording", WRITER_THREADS)
        self._housekeeping = DiskThreads("recordings housekeeping", 1)
        self.space: tuple[int, int] | None = None  # bytes where recordings go: free, and all; None: not known
        self._backlog = Backlog()
        self._wanted = asyncio.Event()  # where no room is recorded, the disk is left alone
        if settings.record_enabled or settings.upload_recordings:
            self._wanted.set()
        self._journal = Journal(self._folder)
        self._uploader: Uploader | None = None
        if settings.upload_recordings:
            self._uploader = Uploader(
                lambda: Store(settings),
                self._journal,
                self._folder,
                tell,
                describe,
                delete=settings.delete_recording_after_upload,
            )
        self._due: set[str] = set()  # files of this worker that wait for their upload
        self._due_lock = threading.Lock()
        self._not_looked = ""  # why the last look failed
        self._is_short = False  # of space, with nothing to delete
        self.deleted_old = 0  # recordings, ...
        self.deleted_for_space = 0  # ... and those that would have stayed if the disk were larger
        self._totals = Totals("dropped", "failures", "restarts", "changes_refused")

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
        starves: Callable[[int], bool] = lambda _: False,
    ) -> Recording:
        """Record a room from its next packet on; see `Recording` for the arguments. Does not wait.

        Without `formats`, in those of the settings.
        """

        def new_writer(changes: ChangeAllowance) -> Writer:
            files = FilesOfRoom(
                lambda: recording.note, self._unix, self.began, self._journal.changed, self.finished
            )
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
            starves,
        )
        self._recordings.add(recording)
        self._wanted.set()
        recording.complete.add_done_callback(lambda _: self._done(recording))
        return recording

    def totals(self) -> dict[str, int]:
        """What all recordings so far have counted, by the names of their attributes."""
        return self._totals.with_living(self._recordings)

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
    def uploaded(self) -> int:
        return self._uploader.uploaded if self._uploader else 0

    @property
    def upload_failures(self) -> int:
        return self._uploader.failures if self._uploader else 0

    def _done(self, recording: Recording) -> None:
        self._recordings.discard(recording)
        self._totals.retire(recording)

    # --- what the writers report

    def _unix(self, steady: float) -> float:
        return self._unix_clock() - (monotonic() - steady)

    def began(self, name: str, facts: Facts) -> None:
        try:
            self._journal.began(name, facts)
        except OSError:  # perhaps a network's disk without locks: this file can be recorded all the same
            if self._uploader is not None:
                raise
        self._tell_of(EventType.RECORDING_STARTED, name, facts)

    def finished(self, name: str, facts: Facts) -> None:
        record = parse_record_name(name)
        # One that was deleted while it was written, or for which the disk had no room at all, is not.
        is_there = record is not None and find_in_folder(self._folder, record) is not None
        if is_there:
            self._tell_of(EventType.RECORDING_READY, name, facts)
        uploader = self._uploader if is_there else None
        self._journal.finished(name, facts, is_due=uploader is not None)
        if uploader is not None:
            with self._due_lock:
                self._due = {*self._due & self._journal.names(), name}
            uploader.wake()

    def _tell_of(self, what: EventType, name: str, facts: Facts) -> None:
        if (record := parse_record_name(name)) is not None:
            self._tell(what, record, facts)

    # --- the worker's life

    async def run(self) -> None:
        """Upload, and delete what is old, until cancelled. No file that cannot be deleted ends the worker.

        A worker that has never recorded anything, where nobody has, leaves the disk alone.
        """
        with suppress(OSError):
            if not self._wanted.is_set() and await self._housekeeping.call(self._folder.is_dir):
                self._wanted.set()
        await self._wanted.wait()
        if self._uploader is not None:
            self._uploader.start()
        try:
            clean_at = monotonic() + LOOK_SECONDS  # by then what is set for rooms is known
            while True:
                await self._keep_house(self.look)
                if monotonic() >= clean_at:
                    clean_at = monotonic() + CLEAN_SECONDS
                    await self._keep_house(lambda: self.clear(time.time()))
                if self._min_free:
                    await self._keep_house(self.make_room)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            if self._uploader is not None:
                self._uploader.stop()

    async def _keep_house(self, work: Callable[[], None]) -> None:
        try:
            await self._housekeeping.call(work)
        except OSError as error:
            reason = error.strerror or str(error)
            if reason != self._not_looked:  # one line, not one for each look
                log.warning("recordings not looked through", error=reason)
            self._not_looked = reason
        except Exception:
            log.exception("recordings not looked through")
        else:
            self._not_looked = ""

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

    # --- in a thread

    def look(self) -> None:
        self.look_at_space()
        self.tell_of_left()

    def look_at_space(self) -> None:
        try:
            usage = shutil.disk_usage(self._folder)
        except OSError:  # the folder is made with the first recording
            self.space = None
        else:
            self.space = usage.free, usage.total

    def tell_of_left(self) -> None:
        """Tell of the files that a killed worker left: they are complete as they are."""
        for name in sorted(self._journal.names()):
            try:
                self._tell_if_left(name)
            except OSError as error:  # it keeps no other one back
                log.warning("recording of a killed worker cannot be told", name=name, error=str(error))

    def _tell_if_left(self, name: str) -> None:
        with self._journal.claim(name) as entry:
            if entry is None or entry.told:
                return
            record = parse_record_name(name)
            path = None if record is None else find_in_folder(self._folder, record)
            if record is None or path is None:  # deleted meanwhile
                entry.done()
                return
            if not has_media(path):  # its worker was killed in the first second of it
                delete_recording(self._folder, record)
                entry.done()
                log.info("recording of a killed worker holds nothing, and was deleted", name=name)
                return
            log.info("recording of a killed worker found", name=name)
            self._tell(EventType.RECORDING_READY, record, entry.facts)
            if self._uploader is None:
                entry.done()
            else:
                entry.told = True
                entry.write()
                self._uploader.wake()

    def clear(self, now: float) -> None:
        """Delete files that are older than their rooms keep them, except those that have an entry."""
        due, gone = self._journal.names(), set()
        for record in list_folder(self._folder):
            if record.name in due or (name := parse_record_name(record.name)) is None:
                continue
            keep_days = self._keep_days_of(name.room)
            is_old = keep_days and record.modified < now - keep_days * _DAY
            if is_old and self._delete(name, "too old"):
                self.deleted_old += 1
                gone.add(name.text)
        delete_details(self._folder, gone)

    def make_room(self) -> None:
        """Delete the oldest files until `RECORD_MIN_FREE_BYTES` are free, with the same exceptions.

        One worker of a folder does that at a time. It deletes no more than what lacks, even if the disk does
        not show at once that something was deleted, and nothing for more than the disk has in all.
        """
        with self._journal.alone() as is_alone:
            usage = shutil.disk_usage(self._folder)
            lacking = self._min_free - usage.free
            if not is_alone:
                return
            if lacking <= 0:
                self._is_short = False
                return
            if self._min_free >= usage.total:
                if not self._is_short:
                    log.error("RECORD_MIN_FREE_BYTES is more than the disk has", bytes=usage.total)
                self._is_short = True
                return
            due = self._journal.names()
            oldest = [record for record in reversed(list_folder(self._folder)) if record.name not in due]
            gone = set()
            for record in oldest[:MOST_DELETED]:
                name = parse_record_name(record.name)
                if name is not None and self._delete(name, "the disk is full"):
                    self.deleted_for_space += 1
                    gone.add(name.text)
                    lacking -= record.size
                if lacking <= 0:
                    break
            delete_details(self._folder, gone)
        if lacking <= 0:
            return
        is_short = len(oldest) <= MOST_DELETED
        if is_short and not self._is_short:
            log.warning("the disk is nearly full, and no recording is left to delete", bytes=lacking)
        self._is_short = is_short

    def _delete(self, name: RecordName, why: str) -> bool:
        """Whether it was there, and is gone. Its details are still to be deleted, with those of others.

        A file that cannot be deleted must not keep the others.
        """
        try:
            was_there = delete_file(self._folder, name)
        except OSError as error:
            log.warning("recording not deleted", name=name.text, why=why, error=error.strerror)
            return False
        if was_there:
            log.info("recording deleted", name=name.text, why=why)
        return was_there
