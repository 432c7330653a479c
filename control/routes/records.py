"""List, fetch and delete recordings: through any control replica, wherever in the cluster they are."""

from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from control.access.auth import Authenticator
from control.access.operators import Operator
from control.http.audit import audit
from control.http.caller import access_of, caller_of, operator_of
from control.http.long_response import LongResponse
from control.http.resource import Resource
from control.http.still_response import asked_width, still_response
from control.records.catalogue import RecordCatalogue, unavailable
from control.records.links import RecordLinks
from control.records.listing import listing_json
from control.records.proxy import RecordProxy
from control.records.transfers import Transfers
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName
from shared.records.record_name import RecordName, parse_record_name
from shared.records.response import record_response

STILL_SECONDS = 3600  # a browser keeps a picture this long: it changes only if the recording does


class RecordRoutes:
    """`with_stills`: whether there are pictures of recordings."""

    def __init__(
        self,
        catalogue: RecordCatalogue,
        authenticator: Authenticator,
        proxy: RecordProxy,
        links: RecordLinks,
        is_listed: Callable[[str], bool],
        *,
        with_stills: bool,
    ) -> None:
        self._catalogue = catalogue
        self._authenticator = authenticator
        self._proxy = proxy
        self._links = links
        self._is_listed = is_listed
        self._with_stills = with_stills
        self._transfers = Transfers()

    def routes(self) -> list[Route]:
        return [
            Route("/api/records", Resource({"GET": self.list_records})),
            Route("/records/{name}", Resource({"GET": self.show_record})),
            Route("/records/{name}/still", Resource({"GET": self.show_still})),
            Route("/api/admin/records/{name}", Resource({"DELETE": self.delete_record})),
        ]

    async def list_records(self, request: Request) -> Response:
        """The recordings that the caller may read; 401 for a caller whose credential opens nothing.

        Those of unlisted rooms are in it for whom a credential names the room, and for its admins.
        """
        access = access_of(request, self._authenticator)
        if not access.opens_anything:
            raise access.refusal
        caller = caller_of(request)
        query_of = await self._links.signer() if self._authenticator.required else None

        def is_in_list(room: RoomName) -> bool:
            return (access.is_of(room) or self._is_listed(room)) and access.may_read_records(room)

        listed = await self._catalogue.records(caller.request_id)
        text = await listing_json(listed, is_in_list, caller.prefix, query_of, with_stills=self._with_stills)
        return Response(text, media_type="application/json")

    async def show_record(self, request: Request) -> ASGIApp:
        """The file, for callers with the room's credentials or a signed link."""
        name = await self._readable(request)
        found = await self._catalogue.find(name, request.method, caller_of(request).request_id)
        if found is None:
            raise ServiceError(ErrorCode.NOT_FOUND)
        transfer = self._transfers.begin(caller_of(request).network)

        async def release() -> None:
            self._transfers.end(transfer)

        try:
            response = await self._content(found, name, request)
        except BaseException:
            await release()
            raise
        return LongResponse(response, release, transfer.reader)

    async def show_still(self, request: Request) -> Response:
        """GET -> 200 `image/jpeg`, 304, 404 if there is none; for callers who may read the file."""
        name = await self._readable(request)
        width = asked_width(request)
        jpeg = None
        if self._with_stills:
            jpeg = await self._catalogue.still(name, width, caller_of(request).request_id)
        if jpeg is None:
            raise ServiceError(ErrorCode.NOT_FOUND, detail="the recording has no picture")
        return still_response(request, jpeg, STILL_SECONDS, {}, locked=self._authenticator.required)

    async def _readable(self, request: Request) -> RecordName:
        """The recording in the path, for callers with the room's credentials or a signed link; raises."""
        name = _name(request)
        access = access_of(request, self._authenticator)
        if not access.may_read_records(name.room) and not (
            "signature" in request.query_params and await self._links.admit(name, request.query_params)
        ):
            raise access.refusal
        return name

    async def _content(self, found: Path | str, name: RecordName, request: Request) -> ASGIApp:
        if isinstance(found, str):
            return await self._proxy.fetch(found, name, request)
        try:
            return record_response(found, name, request)
        except OSError:  # deleted a moment ago
            raise ServiceError(ErrorCode.NOT_FOUND) from None

    async def delete_record(self, request: Request) -> Response:
        name = parse_record_name(request.path_params["name"])
        room = name.room if name else None
        access = operator_of(request, self._authenticator, Operator.ADMIN, room)
        if name is None:
            raise ServiceError(ErrorCode.NOT_FOUND)
        unreached = await self._catalogue.delete(name, caller_of(request).request_id)
        audit(request, access, "recording.delete", recording=name.text)
        if unreached:
            raise unavailable(
                f"deleted, but for what these may have: {', '.join(unreached)}. Delete it again"
            )
        return JSONResponse({"name": name.text})


def _name(request: Request) -> RecordName:
    name = parse_record_name(request.path_params["name"])
    if name is None:
        raise ServiceError(ErrorCode.NOT_FOUND)
    return name
