"""All recordings of the cluster, each once: on the workers, in a shared folder, and in the store."""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from control.workers.every_worker import EveryWorker
from shared.errors import ErrorCode, ServiceError
from shared.messages.records import (
    DeletedRecord,
    DeleteRecord,
    GetRecordStill,
    ListRecords,
    Record,
    RecordDetails,
    Records,
    RecordStill,
    SharedRecord,
    ShareRecord,
)
from shared.names import RequestId, WorkerId
from shared.records.details_folder import delete_recording, list_details, read_picture
from shared.records.folder import find_in_folder, list_folder
from shared.records.record_name import RecordName
from shared.records.store import Store, StoreError
from shared.settings.settings import Settings
from shared.telemetry.logging import get_logger

STORE_SECONDS = 10.0
STORE_THREADS = 4  # of its own: a store that hangs keeps no name look-up and no file waiting

log = get_logger()


Details = dict[tuple[str, int], RecordDetails]  # by a recording's name and its size in bytes


class Listed(NamedTuple):
    records: list[Record]  # each once, newest first
    details: Details  # of some of them, and perhaps of others


class RecordCatalogue:
    """A worker or a store that does not answer is left out of the list."""

    def __init__(self, settings: Settings, workers: EveryWorker) -> None:
        self._settings = settings
        self._workers = workers
        self._folder = Path(settings.record_dir)
        self._store: Store | None = None
        self._opening = asyncio.Lock()
        self._threads = ThreadPoolExecutor(STORE_THREADS, "store")
        self._lacks_details = False  # the store gives recordings, and not what is known of them

    def close(self) -> None:
        """Ask the store nothing more. A call that it does not answer ends by its own time limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def records(self, request_id: RequestId) -> Listed:
        """Every recording, and what is known of them. Raises `NO_WORKER` when Redis is away."""
        replies, local, (stored, stored_details) = await asyncio.gather(
            self._workers.ask(ListRecords(), Records, request_id),
            asyncio.to_thread(lambda: (list_folder(self._folder), list_details(self._folder))),
            self._stored(),
        )
        near = [*(record for reply in replies for record in reply.records), *local[0]]
        details = [*stored_details, *(each for reply in replies for each in reply.details), *local[1]]
        # many workers may have 5,000 each
        return await asyncio.to_thread(lambda: Listed(_merge(near, stored), _by_file(details)))

    async def find(self, name: RecordName, method: str, request_id: RequestId) -> Path | str | None:
        """A local file, or a URL of a worker or the store that is valid for `method` (GET or HEAD).

        None: nobody has it. Raises `NO_WORKER` when who does not answer may have it.
        """
        if path := await asyncio.to_thread(find_in_folder, self._folder, name):
            return path
        question = ShareRecord(name=name.text)
        # every reply is a hit: workers without the recording answer NOT_FOUND
        replies, silent = await self._workers.search(question, SharedRecord, request_id)
        for shared in replies:
            return shared.url
        store = await self._open_store()
        if store is not None and await self._ask(store.find, name.text):
            url: str = await self._ask(store.url, name.text, method)
            return url
        await self._check_all_asked(silent)
        return None

    async def still(self, name: RecordName, width: int, request_id: RequestId) -> bytes | None:
        """The picture of a recording as JPEG; None: there is none. Raises as `find` does."""
        if jpeg := await asyncio.to_thread(read_picture, self._folder, name, width):
            return jpeg
        question = GetRecordStill(name=name.text, width=width)
        replies, silent = await self._workers.search(question, RecordStill, request_id)
        for still in replies:
            return still.jpeg
        store = await self._open_store()
        stored: bytes | None = await self._ask(store.picture, name, width) if store else None
        if stored is None:
            await self._check_all_asked(silent)
        return stored

    async def _check_all_asked(self, silent: Sequence[WorkerId]) -> None:
        """404 would be final: a player gives up, and a page forgets the recording."""
        if silent:
            raise unavailable("a worker that may have it does not answer")
        await self._workers.check_complete()

    async def delete(self, name: RecordName, request_id: RequestId) -> list[WorkerId]:
        """Delete a recording in every place that has it; raises `NOT_FOUND` when none has.

        Returns the workers that did not obey: they may have it still.
        """
        question = DeleteRecord(name=name.text)
        replies, unreached = await self._workers.order(question, DeletedRecord, request_id)
        existed = any(reply.existed for reply in replies)
        existed |= await asyncio.to_thread(delete_recording, self._folder, name)
        store = await self._open_store()
        if store is not None:
            existed |= await self._ask(store.find, name.text) is not None
            await self._ask(store.delete, name)
        if not existed and not unreached:
            raise ServiceError(ErrorCode.NOT_FOUND)
        return unreached

    async def _stored(self) -> tuple[list[Record], list[RecordDetails]]:
        with suppress(ServiceError):
            store = await self._open_store()
            if store is not None:
                records, details = await asyncio.gather(self._ask(store.records), self._details_in(store))
                return records, details
        return [], []

    async def _details_in(self, store: Store) -> list[RecordDetails]:
        """The details in the store; none when they cannot be listed, and recordings are listed without."""
        try:
            details: list[RecordDetails] = await self._in_thread(store.details)
        except (StoreError, TimeoutError) as error:
            if not self._lacks_details:  # pages ask every 20 s
                log.warning("store does not list .details/", error=str(error) or "timeout")
            self._lacks_details = True
            return []
        self._lacks_details = False
        return details

    async def _open_store(self) -> Store | None:
        if not self._settings.upload_recordings:
            return None
        async with self._opening:
            if self._store is None:
                self._store = await self._ask(Store, self._settings)
        return self._store

    async def _ask(self, call: Any, *arguments: object) -> Any:
        """Call the store; raises `NO_WORKER` when it does not answer."""
        try:
            return await self._in_thread(call, *arguments)
        except (StoreError, TimeoutError) as error:
            log.warning("store does not answer", error=str(error) or "timeout")
            raise unavailable("the store is away") from None

    async def _in_thread(self, call: Any, *arguments: object) -> Any:
        """Call the store; raises `TimeoutError`, and lets go of a call that still waits for a thread."""
        async with asyncio.timeout(STORE_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


def _by_file(details: Iterable[RecordDetails]) -> Details:
    return {(each.name, each.size): each for each in details}


def _merge(near: Iterable[Record], stored: Iterable[Record]) -> list[Record]:
    """All recordings, each once.

    A copy in a folder is newer than one in the store; of two in folders, the longer one is.
    """
    found = {record.name: record for record in stored}
    found |= {record.name: record for record in sorted(near, key=lambda record: record.size)}
    return sorted(found.values(), key=lambda record: (-record.modified, record.name))


def unavailable(detail: str) -> ServiceError:
    return ServiceError(ErrorCode.NO_WORKER, "recording not available", detail=detail, retry_after=5)
