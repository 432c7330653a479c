"""What a player reports of what its viewer saw and heard, below a session's URL (`VIEWER_REPORTS`).

No draft has that. The session's URL is the credential, as for its events.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.access.auth import Authenticator
from control.http.bodies import read_json
from control.http.json_object import is_number, is_whole, json_object
from control.http.params import session_in_path
from control.http.resource import Resource
from control.workers.viewing_reports import Viewing, ViewingReports
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role

RELATION = "urn:roomcast:viewing"
_MAX_BYTES = 1_024  # of a report
_MOST_SECONDS = 120.0  # of a report: a browser wakes a hidden page once a minute
_MOST_WAIT = 60.0  # seconds of a latency, and until the first picture
_MOST_STILLS = 1_000
_MOST_LINES = 16_384
_FIELDS = ("seconds", "firstPicture", "stills", "stillSeconds", "concealedSeconds", "lines", "latency")


def viewing_link(session_url: str) -> str:
    """The `Link` header of a 201 that asks for reports."""
    return f'<{session_url}/viewing>; rel="{RELATION}"'


class ViewingRoutes:
    """`wanted`: whether reports are; otherwise there is no such resource."""

    def __init__(self, reports: ViewingReports, authenticator: Authenticator, *, wanted: bool) -> None:
        self._reports = reports
        self._authenticator = authenticator
        self._wanted = wanted

    def routes(self) -> list[Route]:
        accept = {"Accept-Post": "application/json"}
        return [Route("/api/whep/play/{room}/{session}/viewing", Resource({"POST": self.report}, accept))]

    async def report(self, request: Request) -> Response:
        """POST of a JSON object -> 204."""
        if not self._wanted:
            raise ServiceError(ErrorCode.NOT_FOUND)
        room, session = session_in_path(request, self._authenticator, Role.PLAY)
        viewing = parse_viewing(await read_json(request, _MAX_BYTES))
        await self._reports.take(room, session, viewing)
        return Response(status_code=204)


def parse_viewing(body: bytes) -> Viewing:
    """The report in a JSON object. Raises `ServiceError(INVALID_VIEWING)`."""
    report = json_object(body, _FIELDS, _invalid)
    seconds = _number(report, "seconds", _MOST_SECONDS)
    if seconds is None:
        raise _invalid("seconds is missing")
    return Viewing(
        seconds=seconds,
        first_picture=_number(report, "firstPicture", _MOST_WAIT),
        stills=_whole(report, "stills", _MOST_STILLS),
        still_seconds=_number(report, "stillSeconds", seconds) or 0.0,
        concealed_seconds=_number(report, "concealedSeconds", seconds) or 0.0,
        lines=_whole(report, "lines", _MOST_LINES),
        latency=_number(report, "latency", _MOST_WAIT),
    )


def _number(report: dict[str, object], name: str, most: float) -> float | None:
    value = report.get(name)
    if value is None:
        return None
    if not is_number(value, 0, most):
        raise _invalid(f"{name} is not a number from 0 to {most:g}")
    return float(value)


def _whole(report: dict[str, object], name: str, most: int) -> int:
    value = report.get(name, 0)
    if not is_whole(value, 0, most):
        raise _invalid(f"{name} is not a whole number from 0 to {most}")
    return value


def _invalid(detail: str) -> ServiceError:
    return ServiceError(ErrorCode.INVALID_VIEWING, detail=detail)
