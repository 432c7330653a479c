"""WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): the endpoint of a room and the resource of a session.

Over HTTP the two are the same, only the requests to the worker differ: one class serves both roles.
"""

import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from math import inf

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from control.access.auth import Authenticator, Grant
from control.access.auth_callback import AuthCallback
from control.events.waiting import WAIT_SECONDS, WaitingViewers
from control.http.accept import names_sdp, takes_sdp
from control.http.bodies import FRAGMENT_TYPE, is_answer, read_fragment, read_offer
from control.http.caller import access_of, caller_of, question_of
from control.http.params import room_in_path, session_in_path
from control.http.resource import Resource
from control.ice_servers import IceServers
from control.routes.events import events_link
from control.routes.layers import layer_link
from control.routes.viewing import viewing_link
from control.workers.gateway import Gateway
from control.workers.moderator import Moderator
from control.workers.offers import Offers
from control.workers.viewing_reports import ViewingReports
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Answer, AnswerOffer, Delete, Patch, Play, Publish, Role
from shared.names import RoomName, SessionId, check_name
from shared.sdp.encoding import encode
from shared.sdp.fragment import parse_fragment
from shared.sdp.lines import parse_sdp
from shared.sdp.offer import check_play, check_publish, parse_offer
from shared.settings.settings import CounterOffers, WithoutPublisher
from shared.telemetry.tracing import root_span

ENDPOINTS = {Role.PUBLISH: "/api/whip/publish", Role.PLAY: "/api/whep/play"}
_CHECK_SECONDS = 15.0  # of a publisher that only tries its line
_MAX_IF_MATCH = 1024  # characters; an etag of ours has 16
_ACCEPT_POST = {"Accept-Post": "application/sdp"}
_ACCEPT_PATCH = {"Accept-Patch": FRAGMENT_TYPE}


class StreamingRoutes:
    """Handlers of one role."""

    def __init__(
        self,
        role: Role,
        offers: Offers,
        gateway: Gateway,
        moderator: Moderator,
        authenticator: Authenticator,
        ice_servers: IceServers,
        public_url: str,
        callback: AuthCallback | None,
        waiting: WaitingViewers,
        without_publisher: WithoutPublisher,
        counter_offers: CounterOffers,
        reports: ViewingReports | None,
        unix_clock: Callable[[], float],
    ) -> None:
        """By `unix_clock` the worker ends a session whose time is over."""
        self._role = role
        self._offers = offers
        self._gateway = gateway
        self._moderator = moderator
        self._authenticator = authenticator
        self._ice_servers = ice_servers
        self._public_url = public_url
        self._callback = callback
        self._waiting = waiting
        self._without_publisher = without_publisher
        self._counter_offers = counter_offers
        self._reports = reports
        self._unix_clock = unix_clock

    def routes(self) -> list[Route]:
        endpoint = Resource(
            {"GET": self.show_endpoint, "POST": self.create, "HEAD": self.announce_endpoint}, _ACCEPT_POST
        )
        session = Resource(
            {"GET": self.show_session, "PATCH": self.patch, "DELETE": self.delete},
            _ACCEPT_POST | _ACCEPT_PATCH,
        )
        path = ENDPOINTS[self._role]
        return [
            Route(f"{path}/{{room}}", endpoint),
            Route(f"{path}/{{room}}/{{session}}", session),
            Route(f"{path}/", endpoint),  # the empty room name: 400, not 404
        ]

    async def create(self, request: Request) -> Response:
        """POST of an offer -> 201 with the answer (RFC 9725 4.2), or 406 with an offer of ours.

        The latter is for players that take one (draft-ietf-wish-whep 4.3.2): see `_takes_offers`.
        """
        request_id = caller_of(request).request_id
        parent = request.headers.get("traceparent", "")
        with root_span(f"POST {ENDPOINTS[self._role]}", parent, request_id=request_id):
            return await self._create(request)

    async def _create(self, request: Request) -> Response:
        room = room_in_path(request)
        grant = await self._grant(request, room)
        self._moderator.check(room)
        answer = await self._ask(room, await read_offer(request), grant, request)
        if answer.valid_until is None:
            response = Response(answer.sdp, 201, media_type="application/sdp", headers=_ACCEPT_PATCH)
        else:
            response = _counter_offer(answer.sdp, answer.valid_until)
        location = self._location(request, room, answer.session)
        response.headers["Location"] = location
        response.headers["ETag"] = f'"{answer.etag}"'
        for link in self._ice_servers.links(time.time()):
            response.headers.append("Link", link)
        if self._role is Role.PLAY:
            response.headers.append("Link", events_link(location))
            response.headers.append("Link", layer_link(location))
            if self._reports is not None:
                await self._reports.expect(room, SessionId(answer.session))
                response.headers.append("Link", viewing_link(location))
        return response

    async def _grant(self, request: Request, room: RoomName) -> Grant:
        access = access_of(request, self._authenticator)
        if self._callback is None or not access.is_for_callback(room, self._role):
            stands_by = self._role is Role.PUBLISH and _stands_by(request)
            return access.grant(room, self._role, stands_by=stands_by)
        question = question_of(request, room, self._role)
        await self._callback.check(question, caller_of(request).request_id)
        return Grant(identity=self._callback.identity(question))

    async def show_endpoint(self, request: Request) -> Response:
        room_in_path(request)
        return Response(status_code=204)  # RFC 9725 4.2: GET is reserved

    async def announce_endpoint(self, request: Request) -> Response:
        """HEAD: by it a player learns that a URL is an endpoint of WHEP. WHIP has no such rule."""
        room_in_path(request)
        if self._role is Role.PUBLISH:
            return Response(status_code=204)
        return Response(media_type="application/sdp", headers=_ACCEPT_POST)

    async def show_session(self, request: Request) -> Response:
        self._session(request)
        return Response(status_code=204)

    async def patch(self, request: Request) -> Response:
        """PATCH of a fragment -> 204 for a trickle, 200 for an ICE restart (RFC 9725 4.3).

        Of an answer to an offer of ours -> 204 (draft-ietf-wish-whep 4.3.2).
        """
        room, session = self._session(request)
        request_id, if_match = caller_of(request).request_id, _if_match(request)

        if self._role is Role.PLAY and is_answer(request):
            return await self._take_answer(request, room, session)
        text = await read_fragment(request, lambda: self._gateway.living_one(session, request_id))
        message = Patch(
            session=session,
            room=room,
            role=self._role,
            fragment=encode(parse_fragment(text)),
            if_match=if_match,
        )
        patched = await self._gateway.patch(message, request_id)
        if patched.fragment is None:
            return Response(status_code=204, headers=_ACCEPT_PATCH)
        headers = {"ETag": f'"{patched.etag}"', **_ACCEPT_PATCH}
        return Response(patched.fragment, media_type=FRAGMENT_TYPE, headers=headers)

    async def _take_answer(self, request: Request, room: RoomName, session: SessionId) -> Response:
        request_id = caller_of(request).request_id
        await self._gateway.check_offered(session, request_id)  # before the body is read
        answer = parse_offer(await read_offer(request))
        check_play(answer)
        await self._gateway.answer_offer(
            AnswerOffer(session=session, room=room, answer=encode(answer)), request_id
        )
        return Response(status_code=204, headers=_ACCEPT_PATCH)

    async def delete(self, request: Request) -> Response:
        """DELETE -> 200 (RFC 9725 4.2), with a reason if the server had ended the session for good."""
        room, session = self._session(request)
        message = Delete(session=session, room=room, role=self._role)
        closed = await self._gateway.delete(message, caller_of(request).request_id)
        return JSONResponse({"reason": closed.reason} if closed.reason else {})

    async def _ask(self, room: RoomName, offer: str, grant: Grant, request: Request) -> Answer:
        request_id = caller_of(request).request_id
        if self._role is Role.PUBLISH:
            parsed = parse_offer(offer)
            check_publish(parsed)
            network = caller_of(request).network
            checks = request.query_params.get("check") == "true"
            expires_at = grant.expires_at
            if checks:
                expires_at = min(expires_at or inf, self._unix_clock() + _CHECK_SECONDS)
            publish = Publish(
                room=check_name(room, grant.caller(network)) if checks else room,
                offer=encode(parsed),
                expires_at=expires_at,
                identity=grant.identity,
                token=grant.token,
                network=network,
                stands_by=_stands_by(request) and not checks,
                alone=request.query_params.get("standby") == "alone",
            )
            return await self._offers.publish(publish, request_id)
        takes_offers = self._takes_offers(request)
        play = Play(
            room=room,
            offer=_playable(offer, takes_offers=takes_offers),
            takes_offers=takes_offers,
            expires_at=grant.expires_at,
            token=grant.token,
            network=caller_of(request).network,
        )
        del offer  # while the request waits, only `packed` is kept of it
        began = time.monotonic()
        while True:
            try:
                return await self._offers.play(play, request_id)
            except ServiceError as error:
                if error.code is not ErrorCode.NO_PUBLISHER or self._without_publisher == "404":
                    raise
                not_yet = ServiceError(ErrorCode.NO_PUBLISHER_YET, retry_after=error.retry_after)
            if self._without_publisher == "409":
                raise not_yet
            packed, play = zlib.compress(play.offer), replace(play, offer=b"")
            if not await self._publisher(play, len(packed), began, request):
                raise not_yet
            play = replace(play, offer=zlib.decompress(packed))

    async def _publisher(self, play: Play, offer_bytes: int, began: float, request: Request) -> bool:
        """Wait for somebody to publish; False: nobody does in time."""
        asked, waited = time.monotonic(), getattr(request.state, "waited", 0.0)
        try:
            return await self._waiting.publisher(
                RoomName(play.room), play.network, began + WAIT_SECONDS, request.receive, offer_bytes
            )
        finally:
            request.state.waited = waited + time.monotonic() - asked

    def _takes_offers(self, request: Request) -> bool:
        """Whether 406 with an offer of ours is for this player.

        By API.md a viewer whose codecs do not match gets 406 with JSON, so who says nothing gets that, unless
        the setting says otherwise. A player that names SDP in `Accept` knows what to do with an offer.
        """
        return names_sdp(request) or (self._counter_offers == "always" and takes_sdp(request))

    def _session(self, request: Request) -> tuple[RoomName, SessionId]:
        return session_in_path(request, self._authenticator, self._role)

    def _location(self, request: Request, room: RoomName, session: str) -> str:
        """Below `PUBLIC_URL`, otherwise without scheme and host; never with a query, which OBS would drop."""
        base = self._public_url or caller_of(request).prefix
        return f"{base}{ENDPOINTS[self._role]}/{room}/{session}"


def _stands_by(request: Request) -> bool:
    return request.query_params.get("standby") in ("true", "alone")


def _playable(text: str, *, takes_offers: bool) -> bytes:
    """A viewer's offer for a worker. Empty: it is SDP that cannot be answered, or there is none at all."""
    try:
        parsed = parse_offer(text)
        check_play(parsed)
    except ServiceError:
        if not takes_offers:
            raise
        if text.strip():
            parse_sdp(text)
        return b""
    return encode(parsed)


def _counter_offer(sdp: str, valid_until: float) -> Response:
    until = formatdate(int(valid_until), usegmt=True)
    response = Response(sdp, 406, headers={"Accept-Patch": f"application/sdp, {FRAGMENT_TYPE}"})
    response.headers["Content-Type"] = f'application/sdp; valid-until="{until}"'
    return response


def _if_match(request: Request) -> str | None:
    """The `If-Match` header, for the worker to compare. Its lines are one list (RFC 9110 5.3)."""
    lines = request.headers.getlist("if-match")
    tags = ", ".join(lines) if lines else None
    if tags is not None and len(tags) > _MAX_IF_MATCH:
        raise ServiceError(ErrorCode.PRECONDITION_FAILED)
    return tags
