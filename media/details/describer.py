"""Describes recordings: writes beside each what it holds, so that nobody who lists them opens a file.

A recording is described when it is finished, and before it is uploaded. Those of before, or that a crash has
left, are found by looking through the folder and the store from time to time.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from media.details.contents import NOTHING, Contents
from media.details.reader_process import ReaderProcess
from media.details.sparse_copy import sparse_copy
from shared.messages.records import MOST_SECONDS, Record, RecordDetails
from shared.records.details import Described, pack_pictures
from shared.records.details_folder import (
    delete_orphans,
    details_of,
    list_details,
    read_content,
    write_details,
)
from shared.records.folder import find_in_folder, list_folder
from shared.records.record_name import RecordName, parse_record_name
from shared.records.store import Store, StoreError
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 600.0  # between looks for recordings that nobody has described
FIRST_LOOK_SECONDS = 60.0  # at most, after the start: workers that start together look one after another
PAUSE_SECONDS = 1.0  # before each of those: reading one takes a quarter of a second of CPU
STILL_WRITTEN_SECONDS = 60.0  # a file that has not changed for so long is complete, whoever writes it
MAX_STORED_AT_ONCE = 50  # recordings in the store in one look: at most 450 MB to fetch
MAX_FAILURES = 3  # in one look at the folder or the store
RETRY_SECONDS = 60.0  # after a look that failed, or left some for the next one
_RAW = ("h264", "h265")  # their files have no times
_LEAST_RAW_PACE = 1_000  # bytes a second

log = get_logger()


class Describer:
    """A thread that describes what is due, one file after another. `due` and `stop` may be called anywhere.

    With a `store` it describes what lies there, too. `with_pictures` False: lengths and sizes only.
    """

    def __init__(
        self,
        folder: Path,
        store: Callable[[], Store] | None = None,
        *,
        with_pictures: bool,
        reader: ReaderProcess | None = None,
    ) -> None:
        self._folder = folder
        self._open_store = store
        self._store: Store | None = None
        self._with_pictures = with_pictures
        self._reader = reader or ReaderProcess()
        self._one_at_a_time = threading.Lock()
        self._due: dict[str, None] = {}  # names of finished recordings, in their order
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="details", daemon=True)
        self.described = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The file that is being read is left to the next worker."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._reader.stop()

    def due(self, name: RecordName) -> None:
        """Describe this recording, which is finished, soon."""
        with self._changed:
            self._due[name.text] = None
            self._changed.notify()

    def describe(self, name: RecordName) -> Described | None:
        """Describe a finished recording now, unless it is. None if it is gone, or cannot be read now.

        Waits in the calling thread, for the file before it and for its own.
        """
        with self._one_at_a_time:
            try:
                path = find_in_folder(self._folder, name)
                return None if path is None else self._described(name, path)
            except OSError as error:
                if not self._stopping:
                    reason = error.strerror or str(error)
                    log.warning("recording not described", name=name.text, error=reason)
            except Exception:  # whoever calls has a recording to upload, and others to describe
                log.exception("describing a recording broke", name=name.text)
            return None

    # --- the thread

    def _run(self) -> None:
        pause = random.uniform(0.0, FIRST_LOOK_SECONDS)  # noqa: S311
        while self._described_until(time.monotonic() + pause):
            try:
                complete = self._look()
            except (StoreError, OSError) as error:
                log.warning("recordings not looked through", error=str(error))
                complete = False
            except Exception:
                log.exception("describing recordings broke")
                complete = True
            # workers on one folder or store take turns rather than do the same at once
            pause = (LOOK_SECONDS if complete else RETRY_SECONDS) * random.uniform(0.75, 1.25)  # noqa: S311

    def _described_until(self, deadline: float) -> bool:
        """Describe what becomes due, until the next look; False when it is to stop."""
        while not self._stopping:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._due or self._stopping, max(0.0, deadline - time.monotonic())
                )
                text = next(iter(self._due), None)
                if text is not None:
                    del self._due[text]
            if text is None:
                return not self._stopping
            if (name := parse_record_name(text)) is not None:
                self.describe(name)
        return False

    def _look(self) -> bool:
        """Describe what is not; whether nothing is left for the next look."""
        present = list_details(self._folder)
        records = list_folder(self._folder)
        delete_orphans(self._folder, {record.name for record in records}, time.time())
        failures = 0
        for record in _not_in(present, records, before=time.time() - STILL_WRITTEN_SECONDS):
            name = parse_record_name(record.name)
            if name is not None and self._described_until(time.monotonic() + PAUSE_SECONDS):
                failures += self.describe(name) is None
            if failures == MAX_FAILURES:  # it is the disk, or the machine; or these files
                break
        if self._store is None and self._open_store is not None:
            self._store = self._open_store()
        return self._store is None or self._look_in(self._store)

    def _look_in(self, store: Store) -> bool:
        present, records = store.details(), store.records(archived=False)
        missing = _not_in(present, records, before=time.time() - STILL_WRITTEN_SECONDS)
        failures = 0
        for record in missing[:MAX_STORED_AT_ONCE]:
            name = parse_record_name(record.name)
            if name is None or not self._described_until(time.monotonic() + PAUSE_SECONDS):
                break
            try:
                with self._one_at_a_time:
                    self._describe_stored(store, name, record.size)
            except (StoreError, OSError) as error:
                log.warning("stored recording not described", name=record.name, error=str(error))
                failures += 1
                if failures == MAX_FAILURES:  # it is the store, or the machine; or these objects
                    break
        # what failed will most likely fail again: no reason to list all each minute
        return failures == MAX_FAILURES or len(missing) <= MAX_STORED_AT_ONCE

    # --- one recording

    def _described(self, name: RecordName, path: Path) -> Described:
        size = path.lstat().st_size
        known = details_of(self._folder, name, size)
        if known is not None:
            with suppress(OSError):  # another worker has just replaced it
                return Described(known, read_content(self._folder, known))
        with open(path, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW)) as file:
            status = os.fstat(file.fileno())
            contents = self._reader.contents(file, name.suffix, with_pictures=self._with_pictures)
        if contents.seconds is None and name.suffix in _RAW and contents.width:
            contents = _with_seconds(contents, status.st_mtime - name.unix, status.st_size)
        details = _details(name, status.st_size, contents)
        write_details(self._folder, name, details, contents.pictures)
        self._told(name, contents)
        return Described(details, pack_pictures(contents.pictures))

    def _describe_stored(self, store: Store, name: RecordName, size: int) -> None:
        if store.has_details(name, size):  # another worker was here since the list was made
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with sparse_copy(store, name.text, size, self._folder) as (file, whole):
            contents = self._reader.contents(
                file, name.suffix, with_pictures=self._with_pictures, whole=whole
            )
        store.put_details(_details(name, size, contents), pack_pictures(contents.pictures))
        store.delete_details_if_gone(name)  # somebody may have deleted the recording meanwhile
        self._told(name, contents)

    def _told(self, name: RecordName, contents: Contents) -> None:
        self.described += 1
        if contents == NOTHING:
            log.info("recording cannot be read, and is listed without its length", name=name.text)


def _not_in(described: list[RecordDetails], records: list[Record], before: float) -> list[Record]:
    """The records without details that have not changed since `before`, in any order."""
    known = {(details.name, details.size) for details in described}
    missing = [
        record for record in records if (record.name, record.size) not in known and record.modified < before
    ]
    random.shuffle(missing)
    return missing


def _with_seconds(contents: Contents, written: float, size: int) -> Contents:
    """The contents with the time for which the file was written, if that can be.

    The date of a copy may be another one.
    """
    if not 0 < written <= min(MOST_SECONDS, size / _LEAST_RAW_PACE):
        return contents
    return Contents(written, contents.width, contents.height, contents.pictures)


def _details(name: RecordName, size: int, contents: Contents) -> RecordDetails:
    return RecordDetails(
        name.text, size, contents.seconds, contents.width, contents.height, bool(contents.pictures)
    )
