"""All words of the pages in one language, from a file of `control/web/words`.

    {"language": "Deutsch",
     "pages": {"home": {"title": "Jetzt live"}},
     "scripts": {"rooms": {"viewers": {"one": "{count} Zuschauer", "other": "{count} Zuschauer"}}}}

A page's HTML has `{{home.title}}` in place of words. Its scripts say `rooms.viewers` (`web/js/language.js`),
and get their words with the page. Of `one` and `other`, the names of CLDR, `count` chooses.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import TypeAlias, TypeVar

DEFAULT = "en"

Word: TypeAlias = "str | Mapping[str, str]"
T = TypeVar("T")

_FOLDER = Path(__file__).parents[1] / "web" / "words"
_PLACE = re.compile(r"\{\{([\w.]+)\}\}")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Catalogue:
    """The words of one language, by `section.name`."""

    tag: str  # BCP 47
    language: str  # its own name for itself
    pages: Mapping[str, str]
    scripts: Mapping[str, Word]

    def filled(self, html: str) -> str:
        """A page with its words. Raises KeyError for a place whose word is missing."""
        return _PLACE.sub(lambda place: _as_html(self.pages[place[1]]), html)

    def for_scripts(self, sections: Collection[str]) -> str:
        """The words of these sections as JSON, for a `script` element."""
        words = {key: word for key, word in self.scripts.items() if key.partition(".")[0] in sections}
        text = json.dumps(words, ensure_ascii=False, separators=(",", ":"))
        return text.replace("<", "\\u003c")  # no word can end the element


@cache
def catalogues() -> Mapping[str, Catalogue]:
    """The catalogues by language tag, the default first."""
    tags = sorted((path.stem for path in _FOLDER.glob("*.json")), key=lambda tag: (tag != DEFAULT, tag))
    return {tag: _read(tag) for tag in tags}


def _read(tag: str) -> Catalogue:
    text = json.loads((_FOLDER / f"{tag}.json").read_text(encoding="utf-8"))
    return Catalogue(tag, text["language"], _by_key(text["pages"]), _by_key(text["scripts"]))


def _by_key(sections: Mapping[str, Mapping[str, T]]) -> dict[str, T]:
    return {f"{section}.{name}": word for section, words in sections.items() for name, word in words.items()}


def _as_html(word: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(word))
