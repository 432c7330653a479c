"""What this worker has recorded, for the control plane: listed, shared and deleted over RPC, fetched by HTTP.

Only control may fetch: it asks for a URL over RPC, signed by a key of this process and good for a minute.
"""

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from media.recording.disk_threads import DiskBusyError, DiskThreads
from shared.errors import ErrorCode, ServiceError
from shared.messages.records import (
    DeletedRecord,
    DeleteRecord,
    GetRecordStill,
    ListRecords,
    Records,
    RecordStill,
    SharedRecord,
    ShareRecord,
)
from shared.records.details_folder import delete_recording, list_details, read_picture
from shared.records.folder import find_in_folder, list_folder
from shared.records.record_name import RecordName, parse_record_name
from shared.records.response import record_response
from shared.records.signed_links import SignedLinks
from shared.rpc.request import Handler

SHARE_SECONDS = 60
THREADS = 4
MAX_LISTED = 5_000  # recordings in one reply, the newest: some 800 kB

P = ParamSpec("P")
T = TypeVar("T")


class Shelf:
    """The folder of recordings; `http_url` is this worker's own.

    Only its threads call the disk; its methods may be called in any event loop.
    """

    def __init__(self, folder: Path, http_url: str) -> None:
        self._folder = folder
        self._http_url = http_url
        self._threads = DiskThreads("shelf", THREADS)
        self._links = SignedLinks(secrets.token_bytes(32), SHARE_SECONDS)

    def handlers(self) -> dict[type, Handler]:
        return {
            ListRecords: self.list_records,
            ShareRecord: self.share,
            GetRecordStill: self.still,
            DeleteRecord: self.delete,
        }

    def routes(self) -> list[Route]:
        return [Route("/records/{name}", self.serve, methods=["GET"])]

    async def list_records(self, _: ListRecords) -> Records:
        return await self._call(self._list)

    async def still(self, message: GetRecordStill) -> RecordStill:
        return RecordStill(jpeg=await self._call(self._still, message.name, message.width))

    async def share(self, message: ShareRecord) -> SharedRecord:
        name, _ = await self._call(self._find, message.name)
        query = self._links.query(name.text, time.time())
        return SharedRecord(url=f"{self._http_url}/records/{name.text}?{query}")

    async def delete(self, message: DeleteRecord) -> DeletedRecord:
        return DeletedRecord(existed=await self._call(self._delete, message.name))

    async def serve(self, request: Request) -> Response:
        if not self._links.admits(request.path_params["name"], request.query_params, time.time()):
            raise HTTPException(403)
        try:
            return await self._call(self._response, request)
        except OSError:
            raise HTTPException(404) from None
        except ServiceError as error:
            raise HTTPException(404 if error.code is ErrorCode.NOT_FOUND else 503) from None

    async def _call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._threads.call(work, *args, **kwargs)
        except DiskBusyError:
            raise ServiceError(ErrorCode.NO_WORKER, detail="the disk does not answer") from None

    # --- in a thread

    def _list(self) -> Records:
        records = list_folder(self._folder)[:MAX_LISTED]
        sizes = {record.name: record.size for record in records}
        details = (each for each in list_details(self._folder) if sizes.get(each.name) == each.size)
        return Records(records=tuple(records), details=tuple(details))

    def _still(self, text: str, width: int) -> bytes:
        jpeg = read_picture(self._folder, self._find(text)[0], width)
        if jpeg is None:
            raise ServiceError(ErrorCode.NOT_FOUND)
        return jpeg

    def _response(self, request: Request) -> Response:
        name, path = self._find(request.path_params["name"])
        return record_response(path, name, request)

    def _delete(self, text: str) -> bool:
        name = parse_record_name(text)
        return name is not None and delete_recording(self._folder, name)

    def _find(self, text: str) -> tuple[RecordName, Path]:
        name = parse_record_name(text)
        path = find_in_folder(self._folder, name) if name else None
        if name is None or path is None:
            raise ServiceError(ErrorCode.NOT_FOUND)
        return name, path
