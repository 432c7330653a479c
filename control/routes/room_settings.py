"""What is set for single rooms (`/api/admin/rooms`). Each change has a line in the audit log."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from control.access.auth import Access, Authenticator
from control.access.operators import Operator
from control.http.audit import audit
from control.http.bodies import read_json
from control.http.caller import access_of, caller_of, operator_of
from control.http.params import page_of, room_in_path
from control.http.resource import Resource
from control.http.room_settings import parse_mark, parse_note, parse_settings
from control.workers.operator_facts import environment_facts, recording_facts, settings_facts
from control.workers.room_configuration import Change, RoomConfiguration, names_in_api
from shared.errors import ErrorCode, ServiceError
from shared.messages.room_settings import RecordingNote, RoomSettings
from shared.names import RoomName
from shared.settings.settings import Settings

_MAX_BYTES = 16_384  # of the settings of a room


class RoomSettingsRoutes:
    def __init__(
        self,
        configuration: RoomConfiguration,
        authenticator: Authenticator,
        settings: Settings,
        unix_clock: Callable[[], float],
    ) -> None:
        """By `unix_clock` settings end."""
        self._configuration = configuration
        self._unix_clock = unix_clock
        self._records_all = settings.record_enabled  # rooms for which nothing is set
        self._environment = environment_facts(settings)
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        room = Resource({"GET": self.show, "PUT": self.put, "PATCH": self.patch, "DELETE": self.delete})
        return [
            Route("/api/admin/rooms", Resource({"GET": self.list})),
            Route("/api/admin/rooms/{room}", room),
            Route(
                "/api/admin/rooms/{room}/recording",
                Resource(
                    {
                        "GET": self.show_recording,
                        "POST": self.record,
                        "PATCH": self.mark_recording,
                        "DELETE": self.stop_recording,
                    }
                ),
            ),
        ]

    async def list(self, request: Request) -> Response:
        operator_of(request, self._authenticator, Operator.WATCH)
        page = page_of(await self._configuration.all(), lambda one: one.room, request.query_params)
        rooms = [settings_facts(one) for one in page]
        return JSONResponse({"rooms": rooms, "environment": self._environment})

    async def show(self, request: Request) -> Response:
        room, _ = self._room(request, Operator.WATCH)
        return JSONResponse(settings_facts(await self._configuration.of(room)))

    async def put(self, request: Request) -> Response:
        """Set all: what the body does not name is as the environment says."""
        room, access = self._room(request, Operator.ADMIN)
        fields = await self._fields(request)
        return await self._change(request, access, room, lambda _: RoomSettings(room=room, **fields), fields)

    async def patch(self, request: Request) -> Response:
        """Set what the body names (RFC 7396: null is as the environment says)."""
        room, access = self._room(request, Operator.ADMIN)
        fields = await self._fields(request)

        def change(before: RoomSettings | None) -> RoomSettings:
            return replace(before or RoomSettings(room=room), **fields)

        return await self._change(request, access, room, change, fields)

    async def delete(self, request: Request) -> Response:
        room, access = self._room(request, Operator.ADMIN)
        await self._configuration.forget(room, access.actor, caller_of(request).request_id)
        audit(request, access, "room.forget", room=room)
        return JSONResponse({"room": room})

    async def record(self, request: Request) -> Response:
        """Record a room from now on, and whenever somebody publishes there, until that is stopped."""
        room, access = self._recorded_room(request)
        note = parse_note(await read_json(request, _MAX_BYTES, optional=True))

        def start(before: RoomSettings | None) -> RoomSettings:
            old = before or RoomSettings(room=room)
            clips = old.note.clips if old.note is not None and self._is_recorded(old) else ()
            return replace(old, recorded=True, note=replace(note, clips=clips))

        return await self._record(request, access, room, start, "recording.start")

    async def show_recording(self, request: Request) -> Response:
        room, _ = self._recorded_room(request)
        try:
            settings = await self._configuration.of(room)
        except ServiceError as error:
            if error.code is not ErrorCode.SETTINGS_NOT_FOUND:
                raise
            settings = RoomSettings(room=room)
        return self._recording(settings)

    async def mark_recording(self, request: Request) -> Response:
        """Pause a recording, let it go on, or mark where a clip begins or ends."""
        room, access = self._recorded_room(request)
        mark = parse_mark(await read_json(request, _MAX_BYTES, optional=True))
        now = self._configuration.now()

        def change(before: RoomSettings | None) -> RoomSettings:
            old = before or RoomSettings(room=room)
            if not self._is_recorded(old):
                raise ServiceError(ErrorCode.NOT_MARKED, detail="the room is not to be recorded")
            return replace(old, note=mark.on(old.note or RecordingNote(), now))

        return await self._record(request, access, room, change, "recording.mark")

    async def stop_recording(self, request: Request) -> Response:
        """Where nothing else is set for the room, nothing is set any more."""
        room, access = self._recorded_room(request)

        def stop(before: RoomSettings | None) -> RoomSettings:
            nothing = RoomSettings(room=room)
            left = replace(before or nothing, recorded=False if self._records_all else None, note=None)
            return self._configuration.lifted(room) if replace(left, by="") == nothing else left

        return await self._record(request, access, room, stop, "recording.stop")

    async def _record(
        self, request: Request, access: Access, room: RoomName, change: Change, act: str
    ) -> Response:
        request_id = caller_of(request).request_id
        settings = await self._configuration.change(room, change, access.actor, request_id)
        audit(request, access, act, room=room)
        return self._recording(settings)

    def _recording(self, settings: RoomSettings) -> Response:
        """Whether a room is to be recorded, and what is said of that."""
        is_recorded, note = self._is_recorded(settings), recording_facts(settings.note)
        return JSONResponse({"room": settings.room, "recorded": is_recorded, "recording": note})

    def _is_recorded(self, settings: RoomSettings) -> bool:
        """Also while that is paused."""
        return self._records_all if settings.recorded is None else settings.recorded

    def _recorded_room(self, request: Request) -> tuple[RoomName, Access]:
        room = room_in_path(request)
        access = access_of(request, self._authenticator)
        access.check_may_record(room)
        return room, access

    async def _fields(self, request: Request) -> dict[str, Any]:
        return parse_settings(await read_json(request, _MAX_BYTES, optional=True), self._unix_clock())

    async def _change(
        self, request: Request, access: Access, room: RoomName, change: Change, fields: dict[str, Any]
    ) -> Response:
        settings = await self._configuration.change(room, change, access.actor, caller_of(request).request_id)
        audit(request, access, "room.configure", room=room, fields=names_in_api(fields))
        return JSONResponse(settings_facts(settings))

    def _room(self, request: Request, least: Operator) -> tuple[RoomName, Access]:
        access = operator_of(request, self._authenticator, least, request.path_params["room"])
        return room_in_path(request), access
