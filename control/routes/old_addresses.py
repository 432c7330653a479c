"""The pages' addresses on the server whose API we keep: links to them, and bookmarks, lead to our pages."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.http.resource import Handler, Resource
from shared.names import parse_room_name

HOME = "../"
_NOT_A_ROOM = (
    "!"  # the page says what is wrong with it; nothing of what the caller sent gets into the address
)


def old_address_routes() -> list[Route]:
    return [
        Route("/web/index.html", Resource({"GET": _leads_to("")})),
        Route("/web/publisher.html", Resource({"GET": _leads_to("publish")})),
        Route("/web/player.html", Resource({"GET": _leads_to("watch")})),
    ]


def _leads_to(page: str) -> Handler:
    """Redirect to a room's page, or to the home page if there is none or `page` is empty.

    The address is relative, so it works below a path prefix, too, and can never name another site.
    """

    async def redirect(request: Request) -> Response:
        room = request.query_params.get("room", "")
        target = f"{HOME}{page}/{parse_room_name(room) or _NOT_A_ROOM}" if page and room else HOME
        return Response(status_code=301, headers={"Location": target})

    return redirect
