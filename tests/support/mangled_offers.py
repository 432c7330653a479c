"""Offers of real clients, and offers made of them by chance."""

import re
from collections.abc import Callable

from hypothesis import strategies as st

from tests.support.sdp import OFFERS

REAL = [path.read_bytes().decode() for path in sorted(OFFERS.glob("*.sdp"))]

Mutation = Callable[[str], str]

_position = st.floats(min_value=0, max_value=1, exclude_max=True)
_WORDS = ["", "0", "-1", "127", "128", "9" * 30, "٣", "¹", "é", "\x00", "\r", "\n", "\ud800", "x" * 9000]
_PUNCTUATION = ["*", "=", ";", " ", ":", "/", "a/b", "a=mid:1", "\r\na=x", "m=audio 0 x 0"]
_junk = st.text(max_size=12) | st.sampled_from([*_WORDS, *_PUNCTUATION])


def _lines(change: Callable[[list[str], int], None]) -> Callable[[float], Mutation]:
    def at(position: float) -> Mutation:
        def mutate(text: str) -> str:
            lines = text.split("\r\n")
            change(lines, int(position * len(lines)))
            return "\r\n".join(lines)

        return mutate

    return at


def _delete(lines: list[str], index: int) -> None:
    del lines[index]


def _double(lines: list[str], index: int) -> None:
    lines.insert(index, lines[index])


def _to_the_end(lines: list[str], index: int) -> None:
    lines.append(lines.pop(index))


def _to_the_start(lines: list[str], index: int) -> None:
    lines.insert(1, lines.pop(index))


def _cut(position: float) -> Mutation:
    return lambda text: text[: int(position * len(text))]


def _overwrite(position: float, junk: str) -> Mutation:
    def mutate(text: str) -> str:
        index = int(position * len(text))
        return text[:index] + junk + text[index + 1 :]

    return mutate


def _replace_word(position: float, junk: str) -> Mutation:
    def mutate(text: str) -> str:
        words = list(re.finditer(r"[^\s:/;=]+", text))
        if not words:
            return junk
        word = words[int(position * len(words))]
        return text[: word.start()] + junk + text[word.end() :]

    return mutate


_mutations = st.one_of(
    _position.map(_lines(_delete)),
    _position.map(_lines(_double)),
    _position.map(_lines(_to_the_end)),
    _position.map(_lines(_to_the_start)),
    _position.map(_cut),
    st.builds(_overwrite, _position, _junk),
    st.builds(_replace_word, _position, _junk),
)


@st.composite
def mangled_offers(draw: st.DrawFn) -> str:
    """An offer of a real client with some changes, most of which make it invalid."""
    text = draw(st.sampled_from(REAL))
    for mutate in draw(st.lists(_mutations, min_size=1, max_size=6)):
        text = mutate(text)
    return text
