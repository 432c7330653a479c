"""List, fetch and delete recordings: through any control replica, wherever in the cluster they are."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from control.auth import Authenticator, credential
from control.http.caller import caller_of
from control.http.resource import Resource
from control.records.access import RecordAccess
from control.records.catalogue import RecordCatalogue
from control.records.links import RecordLinks
from control.records.proxy import RecordProxy
from shared.errors import ErrorCode, ServiceError
from shared.messages.records import Record
from shared.records.record_name import RecordName, parse_record_name
from shared.records.response import record_response


class RecordRoutes:
    def __init__(
        self,
        catalogue: RecordCatalogue,
        access: RecordAccess,
        authenticator: Authenticator,
        proxy: RecordProxy,
        links: RecordLinks,
    ) -> None:
        self._catalogue = catalogue
        self._access = access
        self._authenticator = authenticator
        self._proxy = proxy
        self._links = links

    def routes(self) -> list[Route]:
        return [
            Route("/api/records", Resource({"GET": self.list_records})),
            Route("/records/{name}", Resource({"GET": self.show_record})),
            Route("/api/admin/records/{name}", Resource({"DELETE": self.delete_record})),
        ]

    async def list_records(self, request: Request) -> Response:
        """The recordings that the caller may read; 401 for a caller who may read none."""
        now = time.time()
        token = credential(request.headers)
        if not self._access.is_open and (token is None or not self._authenticator.knows(token, now)):
            raise ServiceError(ErrorCode.UNAUTHORIZED)
        caller = caller_of(request)
        query_of = None if self._access.is_open else await self._links.signer()
        entries = []
        for record in await self._catalogue.records(caller.request_id):
            name = parse_record_name(record.name)
            if name is not None and self._access.may_read(name.room, token, now):
                entries.append(_entry(record, caller.prefix, query_of))
        return JSONResponse(entries)

    async def show_record(self, request: Request) -> Response:
        """The file, for callers with the room's credentials or a signed link."""
        name = _name(request)
        now = time.time()
        if not (
            self._access.may_read(name.room, credential(request.headers), now)
            or ("signature" in request.query_params and await self._links.admit(name, request.query_params))
        ):
            raise ServiceError(ErrorCode.UNAUTHORIZED)
        found = await self._catalogue.find(name, request.method, caller_of(request).request_id)
        if found is None:
            raise ServiceError(ErrorCode.NOT_FOUND)
        if not isinstance(found, Path):
            return await self._proxy.fetch(found.url, name, request)
        try:
            return record_response(found, name, request)
        except OSError:  # deleted a moment ago
            raise ServiceError(ErrorCode.NOT_FOUND) from None

    async def delete_record(self, request: Request) -> Response:
        name = parse_record_name(request.path_params["name"])
        room = name.room if name else None
        self._authenticator.authorise_admin(credential(request.headers), time.time(), room)
        if name is None:
            raise ServiceError(ErrorCode.NOT_FOUND)
        await self._catalogue.delete(name, caller_of(request).request_id)
        return JSONResponse({"name": name.text})


def _name(request: Request) -> RecordName:
    name = parse_record_name(request.path_params["name"])
    if name is None:
        raise ServiceError(ErrorCode.NOT_FOUND)
    return name


def _entry(record: Record, prefix: str, query_of: Callable[[str], str] | None) -> dict[str, object]:
    query = f"?{query_of(record.name)}" if query_of else ""
    modified = datetime.fromtimestamp(int(record.modified), UTC)
    return {
        "name": record.name,
        "size": record.size,
        "modTime": modified.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "url": f"{prefix}/records/{record.name}{query}",
    }
