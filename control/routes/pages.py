"""The pages, their files, and the description of the API.

Pages are static. They read the room from their own address and refer to everything relative to it, so they
work below a path prefix that the proxy does not report.
"""

from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from control.http.resource import Handler, Resource

_FOLDER = Path(__file__).parents[1]

PAGES = {
    "/": "home.html",
    "/publish/{room}": "publish.html",
    "/watch/{room}": "watch.html",
    "/embed/{room}": "embed.html",
    "/recordings": "recordings.html",
    "/admin": "admin.html",
}
_FRAMED_ANYWHERE = {"embed.html"}


class PageRoutes:
    """Serves the pages in `PAGES`, and every file of `control/web` below `/static/`."""

    def __init__(self, public_url: str) -> None:
        self._files = StaticFiles(directory=_FOLDER / "web", check_dir=False)
        url = urlsplit(public_url)
        # Location points to PUBLIC_URL, whose origin may differ from the page's
        connect = f"'self' {url.scheme}://{url.netloc}" if public_url else "'self'"
        self._policy = (
            f"default-src 'self'; connect-src {connect}; media-src 'self' blob:; object-src 'none'; "
            "base-uri 'none'; form-action 'self'"
        )
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",  # browsers revalidate each time, and get 304 by ETag
        }

    def routes(self) -> list[Route]:
        return [
            *(Route(path, Resource({"GET": self._page(name)})) for path, name in PAGES.items()),
            Route("/static/{path:path}", Resource({"GET": self.file})),
            Route("/openapi.yaml", Resource({"GET": self.openapi})),
        ]

    def _page(self, name: str) -> Handler:
        async def page(request: Request) -> Response:
            return await self._file(name, request)

        return page

    async def file(self, request: Request) -> Response:
        return await self._file(request.path_params["path"], request)

    async def openapi(self, _: Request) -> Response:
        return Response((_FOLDER / "openapi.yaml").read_bytes(), media_type="application/yaml")  # RFC 9512

    async def _file(self, path: str, request: Request) -> Response:
        response = await self._files.get_response(path, request.scope)
        response.headers.update(self._headers)
        frames = "*" if path in _FRAMED_ANYWHERE else "'self'"
        response.headers["Content-Security-Policy"] = f"{self._policy}; frame-ancestors {frames}"
        return response
