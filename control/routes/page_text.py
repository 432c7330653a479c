"""The HTML of each page in each language: `layout.html` with the page's own head and content, and words.

In the files `ROOT` stands for the relative path to the root, and `{{section.name}}` for a word.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from control.languages.catalogue import DEFAULT, Catalogue, catalogues

FOLDER = Path(__file__).parents[1]
WEB = FOLDER / "web"
DESCRIPTION = FOLDER / "openapi.yaml"

_LAYOUT = "layout.html"
_HEAD_MARK = "  <!-- the head of the page -->\n"
_CONTENT_MARK = "<!-- content -->\n"
_OWN_CONTENT_MARK = "    <!-- the content of the page -->\n"
_LANGUAGES_MARK = "    <!-- the languages -->\n"
_WORDS_MARK = "  <!-- the words of the scripts -->\n"
_OPERATIONS_MARK = "    <!-- the operations -->\n"  # in the page about the API
_NO_SCRIPTS = re.compile(r" *<noscript>.*</noscript>\n")


@dataclass(frozen=True)
class Page:
    file: str
    scripts: tuple[str, ...] = ()  # the sections of words that its scripts say
    is_framed: bool = False  # anywhere, by pages of other sites; it is without the layout
    is_english: bool = False  # always

    @property
    def languages(self) -> tuple[str, ...]:
        return (DEFAULT,) if self.is_english else tuple(catalogues())


PAGES: Mapping[str, Page] = {
    "/": Page("home.html", ("rooms", "home")),
    "/publish/{room}": Page(
        "publish.html", ("rooms", "errors", "token", "copy", "charts", "warnings", "publish")
    ),
    "/watch/{room}": Page("watch.html", ("rooms", "errors", "token", "copy", "player")),
    "/embed/{room}": Page("embed.html", ("errors", "token", "player"), is_framed=True),
    "/recordings": Page("recordings.html", ("errors", "token", "confirm", "recordings")),
    "/admin": Page("admin.html", ("rooms", "errors", "confirm", "charts", "warnings", "admin")),
    "/docs": Page("docs.html", is_english=True),  # as the API is
}
MISSING = Page("missing.html")  # for people, where there is no page


def page_text(page: Page, language: str, path: str, server: str = "") -> str:
    """The HTML of a page for its route, or for a path.

    `server` is the URL in the examples of the page about the API.
    """
    catalogue = catalogues()[language]
    text = (WEB / page.file).read_text(encoding="utf-8")
    if not page.is_framed:
        head, content = text.split(_CONTENT_MARK)
        layout = (WEB / _LAYOUT).read_text(encoding="utf-8")
        own_link = f'<a href="ROOT{path}">'
        text = (
            layout.replace(own_link, own_link.replace(">", ' aria-current="page">'))
            .replace(_HEAD_MARK, head)
            .replace(_OWN_CONTENT_MARK, content)
            .replace(_LANGUAGES_MARK, _choice(page, language))
        )
    text = text.replace("LANGUAGE", language).replace(_WORDS_MARK, _words(page, catalogue))
    text = catalogue.filled(text.replace("ROOT", "/".join([".."] * (path.count("/") - 1)) or "."))
    if not page.scripts:
        text = _NO_SCRIPTS.sub("", text)  # it needs none
    if _OPERATIONS_MARK in text:
        text = text.replace(_OPERATIONS_MARK, _operations(server.rstrip("/")))
    return text


def _words(page: Page, catalogue: Catalogue) -> str:
    if not page.scripts:
        return ""
    return f'  <script type="application/json" id="words">{catalogue.for_scripts(page.scripts)}</script>\n'


def _choice(page: Page, language: str) -> str:
    """Links to the page in each of its languages, which work without scripts."""
    if len(page.languages) == 1:
        return ""
    links = []
    for tag in page.languages:
        current = ' aria-current="true"' if tag == language else ""
        name = escape(catalogues()[tag].language)
        links.append(f'<a href="?lang={tag}" lang="{tag}" hreflang="{tag}"{current}>{name}</a>')
    return f'    <nav class="languages" aria-label="{{{{layout.language}}}}">{"".join(links)}</nav>\n'


@cache
def _operations(server: str) -> str:
    # YAML and what is made of it take 2 MB: only where somebody reads about the API
    from control.reference.description import Description
    from control.reference.page import reference

    return reference(Description(DESCRIPTION.read_text(encoding="utf-8")), server)
