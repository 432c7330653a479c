"""The pages, their files, and the description of the API, as it is and as a page.

A page is `layout.html` with the page's own head and content, and does not depend on the request: it reads the
room from its own address and refers to everything relative to it. So it works below a path prefix that the
proxy does not report.
"""

import hashlib
import re
from email.utils import formatdate
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from control.http.resource import Handler, Resource
from control.reference.description import Description
from control.reference.page import reference

_FOLDER = Path(__file__).parents[1]
_WEB = _FOLDER / "web"
_DESCRIPTION = _FOLDER / "openapi.yaml"
_LAYOUT = "layout.html"
_ON_THIS_MACHINE = "http://localhost:8080"  # in examples, where no PUBLIC_URL is set

PAGES = {
    "/": "home.html",
    "/publish/{room}": "publish.html",
    "/watch/{room}": "watch.html",
    "/embed/{room}": "embed.html",
    "/recordings": "recordings.html",
    "/admin": "admin.html",
    "/docs": "docs.html",
}
_FRAMED_ANYWHERE = {"embed.html"}  # by pages of other sites; without the layout of the other pages
_CONTENT_MARK = "<!-- content -->\n"
_OPERATIONS_MARK = "    <!-- the operations -->\n"  # in the page about the API
_NO_SCRIPTS = re.compile(r" *<noscript>.*</noscript>\n")


class PageRoutes:
    """Serves the pages in `PAGES`, and every file of `control/web` below `/static/`."""

    def __init__(self, public_url: str) -> None:
        self._files = StaticFiles(directory=_WEB, check_dir=False)
        self._public_url = public_url
        url = urlsplit(public_url)
        # Location points to PUBLIC_URL, whose origin may differ from the page's
        connect = f"'self' {url.scheme}://{url.netloc}" if public_url else "'self'"
        self._policy = (
            f"default-src 'self'; connect-src {connect}; img-src 'self' blob:; media-src 'self' blob:; "
            "object-src 'none'; base-uri 'none'; form-action 'self'"
        )
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",  # browsers revalidate each time, and get 304 by ETag
        }

    def routes(self) -> list[Route]:
        return [
            *(Route(path, Resource({"GET": self._page(path, name)})) for path, name in PAGES.items()),
            Route("/static/{path:path}", Resource({"GET": self.file})),
            Route("/openapi.yaml", Resource({"GET": self.openapi})),
        ]

    def _page(self, path: str, name: str) -> Handler:
        text = page_text(path, name)
        sources = [_WEB / name, _WEB / _LAYOUT]
        if _OPERATIONS_MARK in text:
            text = _NO_SCRIPTS.sub("", text)  # it needs none
            text = text.replace(_OPERATIONS_MARK, _operations(self._public_url or _ON_THIS_MACHINE))
            sources.append(_DESCRIPTION)
        modified = max(source.stat().st_mtime for source in sources)
        headers = self._headers_of(name) | {
            "ETag": f'"{hashlib.sha256(text.encode()).hexdigest()}"',
            "Last-Modified": formatdate(modified, usegmt=True),
        }

        async def page(request: Request) -> Response:
            response = HTMLResponse(text, headers=headers)
            if self._files.is_not_modified(response.headers, request.headers):
                return NotModifiedResponse(response.headers)
            return response

        return page

    async def file(self, request: Request) -> Response:
        return await self._file(request.path_params["path"], request)

    async def openapi(self, _: Request) -> Response:
        return Response(_DESCRIPTION.read_bytes(), media_type="application/yaml")  # RFC 9512

    async def _file(self, path: str, request: Request) -> Response:
        response = await self._files.get_response(path, request.scope)
        response.headers.update(self._headers_of(path))
        return response

    def _headers_of(self, file: str) -> dict[str, str]:
        frames = "*" if file in _FRAMED_ANYWHERE else "'self'"
        return self._headers | {"Content-Security-Policy": f"{self._policy}; frame-ancestors {frames}"}


@cache
def _operations(server: str) -> str:
    return reference(Description(_DESCRIPTION.read_text(encoding="utf-8")), server.rstrip("/"))


def page_text(path: str, name: str) -> str:
    """The HTML of a page for its route; `ROOT` in the files stands for the relative path to the root."""
    text = (_WEB / name).read_text(encoding="utf-8")
    if name not in _FRAMED_ANYWHERE:
        head, content = text.split(_CONTENT_MARK)
        layout = (_WEB / _LAYOUT).read_text(encoding="utf-8")
        own_link = f'<a href="ROOT{path}">'
        text = (
            layout.replace(own_link, own_link.replace(">", ' aria-current="page">'))
            .replace("  <!-- the head of the page -->\n", head)
            .replace("    <!-- the content of the page -->\n", content)
        )
    return text.replace("ROOT", ".." if path.count("/") > 1 else ".")
