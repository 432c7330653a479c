"""The pages, their files, and the description of the API, as it is and as a page.

Of a request a page takes only the language: it reads the room from its own address and refers to everything
relative to it. So it works below a path prefix that the proxy does not report.
"""

import asyncio
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from control.http.problems import on_http_exception
from control.http.resource import Handler, Resource
from control.languages.preference import preferred
from control.routes.page_text import DESCRIPTION, MISSING, PAGES, WEB, Page, page_text
from shared.names import parse_room_name

LANGUAGE_COOKIE = "roomcast-language"
_LANGUAGE_SECONDS = 365 * 86_400
_FOR_PROGRAMS = ("/api/", "/static/")  # openapi.yaml describes the 404 of these paths
_TEXTS = (".js", ".css", ".json", ".svg")
# Of scripts and styles, where nothing else is in their lines. Comments are a quarter of what a page weighs.
_COMMENTS = re.compile(rb"^[ \t]*(?://.*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)$", re.MULTILINE)
_WITH_COMMENTS = (".js", ".css")
_DEEPEST = 8  # slashes in a path for which there is a page that says that there is none
_FRAMED_ANYWHERE = {page.file for page in PAGES.values() if page.is_framed}
_ON_THIS_MACHINE = "http://localhost:8080"  # in examples, where no PUBLIC_URL is set


class _Variant:
    """A page in one language, or a file of text, as it is and packed by gzip, once for all requests."""

    def __init__(self, text: bytes, media_type: str, headers: Mapping[str, str]) -> None:
        self._media_type = media_type
        self._plain = text
        self._packed = gzip.compress(self._plain, mtime=0)
        tag = hashlib.sha256(self._plain).hexdigest()
        self._headers = {**headers, "ETag": f'"{tag}"'}
        self._packed_headers = {**headers, "ETag": f'"{tag}-gzip"', "Content-Encoding": "gzip"}

    def answer(self, request: Request, status: int = 200) -> Response:
        if _takes_gzip(request):
            return Response(self._packed, status, self._packed_headers, self._media_type)
        return Response(self._plain, status, self._headers, self._media_type)


class PageRoutes:
    """Serves the pages in `PAGES`, and every file of `control/web` below `/static/`."""

    def __init__(self, public_url: str) -> None:
        self._files = StaticFiles(directory=WEB, check_dir=False)
        self._public_url = public_url
        self._variants: dict[tuple[str, str], _Variant] = {}  # by path and language: there are few
        self._making = asyncio.Lock()
        self._texts: dict[str, _Variant | None] = dict.fromkeys(_texts())
        url = urlsplit(public_url)
        self._is_secure = url.scheme == "https"
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
            *(Route(path, Resource({"GET": self._page(path)})) for path in PAGES),
            Route("/static/{path:path}", Resource({"GET": self.file})),
            Route("/openapi.yaml", Resource({"GET": self.openapi})),
            *_OLD_ADDRESSES,
        ]

    def _page(self, path: str) -> Handler:
        page = PAGES[path]

        async def answer(request: Request) -> Response:
            asked = request.query_params.get("lang")
            variant = await self._variant(page, path, _language(request, page))
            response = variant.answer(request)
            if self._files.is_not_modified(response.headers, request.headers):
                response = NotModifiedResponse(response.headers)
            # a site that frames us chooses for itself alone
            if asked in page.languages and not page.is_framed:
                self._keep(response, asked)
            return response

        return answer

    async def on_http_exception(self, request: Request, error: Exception) -> Response:
        """Errors as the whole API has them; a page for people where there is nothing."""
        is_missing = isinstance(error, HTTPException) and error.status_code == 404
        if not is_missing or not _may_be_of_people(request):
            return await on_http_exception(request, error)
        if "text/html" in request.headers.get("Accept", ""):
            return await self._missing_page(request)
        response = await on_http_exception(request, error)
        response.headers["Vary"] = "Accept"
        return response

    async def _missing_page(self, request: Request) -> Response:
        """For people whose link leads nowhere: one page for all paths of a depth."""
        path = "/-" * request.url.path.count("/")
        variant = await self._variant(MISSING, path, _language(request, MISSING), vary="Accept, ")
        return variant.answer(request, 404)

    async def _variant(self, page: Page, path: str, language: str, vary: str = "") -> _Variant:
        """Made when it is first asked for, and kept: anybody can ask again.

        Once, and beside the loop: the page about the API takes long, and memory that a process keeps.
        """
        key = path, language
        if key not in self._variants:
            async with self._making:
                if key not in self._variants:
                    self._variants[key] = await asyncio.to_thread(self._made, page, path, language, vary)
        return self._variants[key]

    def _made(self, page: Page, path: str, language: str, vary: str) -> _Variant:
        html = page_text(page, language, path, self._public_url or _ON_THIS_MACHINE)
        told = {"Content-Language": language, "Vary": f"{vary}Accept-Encoding, Accept-Language, Cookie"}
        return _Variant(html.encode(), "text/html", self._headers_of(page.file) | told)

    def _keep(self, response: Response, language: str) -> None:
        """Keep the chosen language in a cookie, for the other pages. It says nothing else of anybody."""
        response.set_cookie(
            LANGUAGE_COOKIE,
            language,
            max_age=_LANGUAGE_SECONDS,
            secure=self._is_secure,
            httponly=True,  # no script needs it
            samesite="lax",
        )

    async def file(self, request: Request) -> Response:
        path: str = request.path_params["path"]
        if path in self._texts:
            response = self._text(path).answer(request)
            is_held = self._files.is_not_modified(response.headers, request.headers)
            return NotModifiedResponse(response.headers) if is_held else response
        response = await self._files.get_response(path, request.scope)
        response.headers.update(self._headers_of(path))
        return response

    async def openapi(self, _: Request) -> Response:
        return Response(DESCRIPTION.read_bytes(), media_type="application/yaml")  # RFC 9512

    def _text(self, path: str) -> _Variant:
        """Packed when it is first asked for, and kept: these files do not change."""
        variant = self._texts[path]
        if variant is None:
            headers = self._headers_of(path) | {"Vary": "Accept-Encoding"}
            media_type = mimetypes.guess_type(path)[0] or "text/plain"
            text = (WEB / path).read_bytes()
            if path.endswith(_WITH_COMMENTS):
                text = _COMMENTS.sub(_empty_lines, text)
            variant = self._texts[path] = _Variant(text, media_type, headers)
        return variant

    def _headers_of(self, file: str) -> dict[str, str]:
        frames = "*" if file in _FRAMED_ANYWHERE else "'self'"
        return self._headers | {"Content-Security-Policy": f"{self._policy}; frame-ancestors {frames}"}


def _texts() -> list[str]:
    """The files of text below `/static/`, by their paths there: they get far smaller when they are packed."""
    return [path.relative_to(WEB).as_posix() for path in WEB.rglob("*") if path.suffix in _TEXTS]


def _empty_lines(comment: re.Match[bytes]) -> bytes:
    """As many as the comment has, so that browsers tell the lines of our files."""
    return b"\n" * comment[0].count(b"\n")


def _may_be_of_people(request: Request) -> bool:
    """Whether somebody may have followed a link to this path."""
    path = request.url.path
    is_read = request.method in ("GET", "HEAD")
    return is_read and not path.startswith(_FOR_PROGRAMS) and path.count("/") <= _DEEPEST


def _language(request: Request, page: Page) -> str:
    chosen = request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)
    return preferred(chosen, ",".join(request.headers.getlist("Accept-Language")), page.languages)


def _takes_gzip(request: Request) -> bool:
    """Whether the request accepts gzip (RFC 9110 12.5.3)."""
    for part in ",".join(request.headers.getlist("Accept-Encoding")).lower().split(","):
        coding, _, weight = part.replace(" ", "").partition(";")
        if coding == "gzip":
            return not weight or weight.rstrip("0.") not in ("q=", "q")
    return False


def _leads_to(page: str) -> Handler:
    """Redirect to a room's page, or to the home page if there is none or `page` is empty.

    The address is relative, so it works below a path prefix, too, and can never name another site. Of what
    the caller sent nothing gets into it: without a room's name the page says what is wrong with it.
    """

    async def redirect(request: Request) -> Response:
        room = request.query_params.get("room", "")
        target = f"{_HOME}{page}/{parse_room_name(room) or _NOT_A_ROOM}" if page and room else _HOME
        return Response(status_code=301, headers={"Location": target})

    return redirect


_HOME, _NOT_A_ROOM = "../", "!"
# The pages' addresses on the server whose API we keep: links to them, and bookmarks, lead to our pages.
_OLD_ADDRESSES = [
    Route("/web/index.html", Resource({"GET": _leads_to("")})),
    Route("/web/publisher.html", Resource({"GET": _leads_to("publish")})),
    Route("/web/player.html", Resource({"GET": _leads_to("watch")})),
]
