"""Which clients the tests have run, and how: the table in docs/clients.md.

A test with a client says so by `@pytest.mark.client(name, direction)`, and notes what the server has seen of
that client by the fixture `client_runs`. `make clients` runs all of them, and writes the table.
"""

import ast
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from tests.support.client_stage import ClientStage, Direction

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "clients.md"
RUNS_FILE = "CLIENT_RUNS"  # the environment variable that names the file for what the tests have run

HEAD = "| client | version | | codecs | its DTLS role | transport | test |\n|---|---|---|---|---|---|---|\n"
_TABLE = re.compile(r"(?<=<!-- as run: make clients -->\n).*?(?=<!-- end -->)", re.DOTALL)
_ROW = re.compile(
    r"\| (?P<client>[^|]+) \| (?P<version>\d[^|]*) \| (?P<direction>publishes|plays) \| (?P<codecs>[^|]+)"
    r" \| (?P<dtls>client|server) \| (?P<transport>[^|]+) \| \[(?P<name>\w+)\]\(\.\./(?P<test>[^)]+)\) \|"
)


@dataclass(frozen=True, order=True)
class Promise:
    """What a test's mark says that it runs."""

    client: str
    direction: str
    test: str  # its file, from the root of the repository


@dataclass(frozen=True, order=True)
class ClientRun:
    """One client in one test."""

    client: str
    direction: Direction
    version: str
    dtls: str
    transport: str
    test: str
    codecs: tuple[str, ...]

    @property
    def promise(self) -> Promise:
        return Promise(self.client, self.direction, self.test)

    @property
    def row(self) -> str:
        link = f"[{Path(self.test).stem}](../{self.test})"
        cells = (
            self.client,
            self.version,
            self.direction,
            ", ".join(self.codecs),
            self.dtls,
            self.transport,
            link,
        )
        return "| " + " | ".join(cells) + " |\n"


class ClientRuns:
    """The fixture `client_runs` of one test."""

    def __init__(self, test: str, promised: set[Promise]) -> None:
        self._test, self._promised = test, promised

    async def note(
        self, client: str, version: str, direction: Direction, stage: ClientStage, room: str
    ) -> tuple[str, ...]:
        """`client` sends or receives media in `room` right now. Returns its codecs."""
        promise = Promise(client, direction, self._test)
        assert promise in self._promised, f"no mark says that {client} {direction}"
        seen = await stage.seen(room, direction)
        run = ClientRun(client, direction, version, seen.dtls, seen.transport, self._test, seen.codecs)
        print(run.row, end="")
        if path := os.environ.get(RUNS_FILE):
            _add(Path(path), run)
        return seen.codecs


def _add(path: Path, run: ClientRun) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(run)) + "\n")


def promises(item: pytest.Item) -> set[Promise]:
    """By the marks of a test."""
    test = item.path.relative_to(ROOT).as_posix()
    marks = item.iter_markers("client")
    return {Promise(client=mark.args[0], direction=mark.args[1], test=test) for mark in marks}


def promised() -> set[Promise]:
    """By the marks in all files of tests, which are read and not imported: that costs nothing."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "pytest.mark.client(" in text else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.client":
                client, direction = map(ast.literal_eval, node.args)
                found.add(Promise(client, direction, path.relative_to(ROOT).as_posix()))
    return found


def table(runs: Iterable[ClientRun]) -> str:
    """Runs that differ in their codecs only are one row."""
    codecs: defaultdict[ClientRun, set[str]] = defaultdict(set)
    for run in runs:
        codecs[replace(run, codecs=())].update(run.codecs)
    rows = [replace(run, codecs=tuple(sorted(names, key=str.lower))).row for run, names in codecs.items()]
    return HEAD + "".join(sorted(rows, key=str.lower))


def noted(path: Path) -> list[ClientRun]:
    """What the tests wrote into that file."""
    runs = [ClientRun(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    return [replace(run, codecs=tuple(run.codecs)) for run in runs]


def with_table(page: str, runs: Iterable[ClientRun]) -> str:
    """The page, with the table of `runs` in place of the one that it has."""
    return _TABLE.sub(lambda _: table(runs), page)


def written(page: str) -> set[Promise]:
    """The rows of its table. Raises ValueError if one does not have the form that `table` gives it."""
    found = _TABLE.search(page)
    if not found or not found[0].startswith(HEAD):
        raise ValueError("no table")
    rows = set()
    for line in found[0].removeprefix(HEAD).splitlines():
        row = _ROW.fullmatch(line)
        if not row:
            raise ValueError(f"a row out of form: {line}")
        rows.add(Promise(row["client"], row["direction"], row["test"]))
    return rows
