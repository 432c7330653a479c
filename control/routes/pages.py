"""The pages, and the description of the API."""

from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from control.resource import Resource

_FOLDER = Path(__file__).parents[1]


class Pages:
    """Files of `control/web`: `index.html` at `/`, all of them below `/static/`."""

    def __init__(self, public_url: str) -> None:
        self._files = StaticFiles(directory=_FOLDER / "web", check_dir=False)
        url = urlsplit(public_url)
        # Location leads to PUBLIC_URL, which may be another origin than the page's
        connect = f"'self' {url.scheme}://{url.netloc}" if public_url else "'self'"
        self._headers = {
            "Content-Security-Policy": (
                f"default-src 'self'; connect-src {connect}; object-src 'none'; base-uri 'self'; "
                "form-action 'self'; frame-ancestors 'self'"
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",  # asks each time, answered 304 by ETag
        }

    def routes(self) -> list[Route]:
        return [
            Route("/", Resource({"GET": self.home})),
            Route("/static/{path:path}", Resource({"GET": self.file})),
            Route("/openapi.yaml", Resource({"GET": self.openapi})),
        ]

    async def home(self, request: Request) -> Response:
        return await self._file("index.html", request)

    async def file(self, request: Request) -> Response:
        return await self._file(request.path_params["path"], request)

    async def openapi(self, _: Request) -> Response:
        return Response((_FOLDER / "openapi.yaml").read_bytes(), media_type="application/yaml")  # RFC 9512

    async def _file(self, path: str, request: Request) -> Response:
        response = await self._files.get_response(path, request.scope)
        response.headers.update(self._headers)
        return response
