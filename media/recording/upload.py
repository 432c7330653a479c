"""Uploads finished recordings to the store: retried until they are there, and verified before they count."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

from media.recording.journal import Entry, Journal
from shared.messages.events import EventType, Facts
from shared.records.details import Described
from shared.records.details_folder import delete_recording
from shared.records.folder import find_in_folder
from shared.records.record_name import RecordName, parse_record_name
from shared.records.store import Store, Stored, StoreError
from shared.telemetry.logging import get_logger

PART_BYTES = 8 << 20
MAX_PARTS = 10_000  # the limit of S3
FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 60.0
LOOK_SECONDS = 10.0  # between looks for files that other workers left

log = get_logger()


class UploadStoppedError(Exception):
    """The worker stops; the upload continues after its restart."""


class Uploader:
    """A thread that empties the journal. `wake` makes it look at once.

    What `describe` says of a recording goes into the store before the recording, whose entry in the journal
    stays until both are there. It calls `tell` with each recording that is in the store, once more if it is
    killed at that moment. Files that were not told as ready yet wait.
    """

    def __init__(
        self,
        store: Callable[[], Store],
        journal: Journal,
        folder: Path,
        tell: Callable[[EventType, RecordName, Facts], None] = lambda *_: None,
        describe: Callable[[RecordName], Described | None] = lambda _name: None,
        *,
        delete: bool,
    ) -> None:
        self._tell = tell
        self._describe = describe
        self._open_store = store
        self._journal = journal
        self._folder = folder
        self._delete = delete
        self._wake = threading.Event()
        self._failed: dict[str, int] = {}  # what failed at its latest try, in that order
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upload", daemon=True)
        self.uploaded = 0  # recordings
        self.failures = 0  # failed attempts

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """Stop after the part in progress."""
        self._stopping.set()
        self._wake.set()

    def join(self, seconds: float | None = None) -> None:
        """Wait until it has stopped, if it was ever started."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        wait = FIRST_RETRY_SECONDS
        store = None
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                store = store or self._open_store()
                self._upload_all(store)
            except UploadStoppedError:
                return
            except (StoreError, OSError) as error:
                self.failures += 1
                log.warning("upload failed, will be tried again", error=str(error), seconds=wait)
                self._stopping.wait(wait)
                wait = min(2 * wait, LAST_RETRY_SECONDS)
                continue
            except Exception:
                self.failures += 1  # nothing else tells operators that the disk fills
                log.exception("upload broke")
                self._stopping.wait(LAST_RETRY_SECONDS)
                continue
            wait = FIRST_RETRY_SECONDS
            self._wake.wait(LOOK_SECONDS)

    def _upload_all(self, store: Store) -> None:
        """Upload what is due. What failed comes last at the next look: it keeps nothing else back."""
        names = self._journal.names()
        self._failed = {name: number for name, number in self._failed.items() if name in names}
        for name in sorted(names, key=lambda each: (self._failed.get(each, 0), each)):
            try:
                with self._journal.claim(name) as entry:
                    if entry is not None and entry.told:
                        self._upload(store, entry)
            except Exception:  # also a bug: what one file meets keeps the others back no more
                self._failed[name] = self.failures + 1
                raise
            self._failed.pop(name, None)

    def _upload(self, store: Store, entry: Entry) -> None:
        name = parse_record_name(entry.name)
        path = find_in_folder(self._folder, name) if name else None
        if name is None or path is None:  # deleted meanwhile
            if name is not None:
                store.delete_details_if_gone(name)  # those of an attempt before this one
            entry.done()
            return
        if (described := self._describe(name)) is not None:
            store.put_details(*described)
        upload_file(store, path, name.content_type, entry, self._stopping)
        if find_in_folder(self._folder, name) is None:  # deleted while the store did not have it yet
            store.delete(name)
            entry.done()
            log.info("recording was deleted while it was uploaded", name=entry.name)
            return
        self._tell(EventType.RECORDING_UPLOADED, name, entry.facts)
        if self._delete:
            delete_recording(self._folder, name)
        entry.done()
        self.uploaded += 1
        log.info("recording uploaded", name=entry.name)


def upload_file(store: Store, path: Path, content_type: str, entry: Entry, stopping: threading.Event) -> None:
    """Upload one file; returns when the store has confirmed size and checksum. Raises `StoreError`."""
    size = path.stat().st_size
    whole = hashlib.md5(usedforsecurity=False)
    if size <= PART_BYTES:
        data = path.read_bytes()
        whole.update(data)
        store.put(path.name, data, content_type)
        etag = whole.hexdigest()
    else:
        digests = _upload_parts(store, path, size, content_type, entry, stopping, whole)
        etag = f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"
    stored = store.find(path.name)
    if stored is None or stored.size != size:
        raise StoreError("the store has a different size")
    # With some encryption the ETag is no checksum (S3: "Checking object integrity"): then read the file back.
    if stored.etag != etag and store.md5(path.name) != whole.hexdigest():
        raise StoreError("the store has a different checksum")


def _upload_parts(
    store: Store,
    path: Path,
    size: int,
    content_type: str,
    entry: Entry,
    stopping: threading.Event,
    whole: "hashlib._Hash",
) -> list[bytes]:
    """Upload the parts that the store does not have yet; returns the digests of all parts."""
    part_bytes = max(PART_BYTES, -(-size // MAX_PARTS))
    upload = entry.note
    present = store.parts(path.name, upload) if upload else None
    if present is None:
        upload, present = store.begin(path.name, content_type), {}
        entry.note = upload
        entry.write()
    digests: list[bytes] = []
    parts: dict[int, Stored] = {}
    with path.open("rb") as file:
        while data := file.read(part_bytes):
            if stopping.is_set():
                raise UploadStoppedError
            number = len(digests) + 1
            digest = hashlib.md5(data, usedforsecurity=False)
            digests.append(digest.digest())
            whole.update(data)
            there = present.get(number)
            if there != Stored(len(data), digest.hexdigest()):
                there = store.put_part(path.name, upload, number, data)
            parts[number] = there
    store.complete(path.name, upload, parts)
    entry.note = ""
    entry.write()
    return digests
