"""Inputs that reached code that no seed reaches, in the tree: a file of each target, a line of each input.

`make guided-fuzz` begins with them, and adds to them if it is told `KEEP=1`; `make test` gives each once.
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).with_name("corpus")
MOST_BYTES = 4096  # that are kept of a target


def slug(name: str) -> str:
    return re.sub(r"\W+", "-", name)


def kept(name: str) -> list[bytes]:
    path = _file(name)
    return [ast.literal_eval(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep(name: str, inputs: Iterable[bytes]) -> None:
    """Beside those that are kept, as many as there is room for, the shortest first."""
    lines = kept(name)
    for data in sorted(inputs, key=lambda data: (len(data), data)):
        if sum(map(len, lines)) + len(data) <= MOST_BYTES:
            lines.append(data)
    if lines:
        FOLDER.mkdir(exist_ok=True)
        _file(name).write_text("".join(f"{data!r}\n" for data in lines))


def _file(name: str) -> Path:
    return FOLDER / f"{slug(name)}.txt"
