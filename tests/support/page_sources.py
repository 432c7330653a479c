"""The pages' sources as text: what scripts import, and what HTML and scripts would say to people."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

WEB = Path(__file__).parents[2] / "control" / "web"
SCRIPTS = WEB / "js"

_IMPORT = re.compile(r"(?:from|import) ?\(?'\./([\w-]+\.js)'")
_ENTRY = re.compile(r'<script type="module" src="[^"]*/js/([\w-]+\.js)">')
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r"'((?:[^'\\\n]|\\.)*)'|\"((?:[^\"\\\n]|\\.)*)\"")
_EXPRESSION = re.compile(r"/(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
_BEFORE_EXPRESSION = "(,=:[!&|?{};"  # a slash after one of these begins a regular expression
_TAG = re.compile(r"<[^<>]*>|^[^<>]*>|<[^<>]*$")
_SPOKEN_ATTRIBUTES = ("alt", "aria-label", "data-label", "placeholder", "title")
_SPOKEN_IN_TAG = re.compile(rf'(?:{"|".join(_SPOKEN_ATTRIBUTES)})="([^"]+)"')


def reached(*modules: str) -> set[str]:
    """These modules, and all that they import, at once or later."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _IMPORT.findall((SCRIPTS / module).read_text(encoding="utf-8"))
    return found


def modules_of(page: str) -> set[str]:
    """Those that a page loads, `watch.html`."""
    return reached(*_ENTRY.findall((WEB / page).read_text(encoding="utf-8")))


def texts_of_script(source: str) -> list[str]:
    """What is in its strings and templates: the parts of a template apart, and HTML without its tags."""
    texts = []
    for text in _Scanner(source).strings():
        texts += _SPOKEN_IN_TAG.findall(text)
        texts.append(" ".join(_TAG.sub(" ", text).split()) if "<" in text or ">" in text else text)
    return [text for text in texts if text]


class _Scanner:
    """Finds the strings of a script: no more of its grammar than that takes."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def strings(self, *, nested: bool = False) -> Iterator[str]:
        """To the end, or to the brace that closes a place in a template."""
        depth = 0
        before = "("
        while self._at < len(self._source):
            char = self._source[self._at]
            if match := _COMMENT.match(self._source, self._at):
                self._at = match.end()
                continue
            if match := _STRING.match(self._source, self._at):
                yield match[1] or match[2] or ""
                self._at = match.end()
            elif char == "`":
                yield from self._template()
            elif char == "/" and before in _BEFORE_EXPRESSION:
                match = _EXPRESSION.match(self._source, self._at)
                assert match, self._source[self._at : self._at + 40]
                self._at = match.end()
            else:
                depth += {"{": 1, "}": -1}.get(char, 0)
                self._at += 1
                if nested and depth < 0:
                    return
            if not char.isspace():
                before = char

    def _template(self) -> Iterator[str]:
        self._at += 1
        begin = self._at
        while self._source[self._at] != "`":
            if self._source.startswith("${", self._at):
                yield self._source[begin : self._at]
                self._at += 2
                yield from self.strings(nested=True)
                begin = self._at
            else:
                self._at += 2 if self._source[self._at] == "\\" else 1
        yield self._source[begin : self._at]
        self._at += 1


class _Spoken(HTMLParser):
    """What a page says: its text, and the attributes that people see or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        spoken = {*_SPOKEN_ATTRIBUTES, *(["content"] if ("name", "description") in attrs else [])}
        self.texts += [value for name, value in attrs if name in spoken and value]

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


def texts_of_page(html: str) -> list[str]:
    parser = _Spoken()
    parser.feed(html)
    return parser.texts
