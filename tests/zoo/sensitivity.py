"""Which numbers of `media/line` move what a viewer sees: each is raised and lowered by 30 %, one at a time.

A number that moves no figure of any stay, bit for bit, does nothing there, and should go. Only the first
stays run that are needed to tell: those of lines that change come first.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[2] / "media" / "line"
NOT_OF_THE_LINE = frozenset({"line_log", "line_state"})  # these keep a log
FACTORS = (0.7, 1.3)
LINES = (
    "by chance",
    "LTE, far",
    "cut to 330, 1 s deep",
    "two on a line",
    "beside a download",
    "half, 25 ms",
    "half, 3 s deep",
    "Wi-Fi that stalls, narrow",
    "10 % lost by chance",
    "3 % lost in bursts",
    "handover",
    "lowest only",
    "satellite, half",
    "reports lost",
    "flapping",
    "just too little, 300 ms",
)
RECEIVERS = ("REPORTS", "ARRIVALS", "ESTIMATE", "STREAM")


class Number(NamedTuple):
    """`name` of a module of `media.line`, which is a number, or several that belong together."""

    module: str
    name: str


def numbers() -> list[Number]:
    """All of them, as they stand in the source."""
    modules = sorted(path for path in FOLDER.glob("*.py") if path.stem not in NOT_OF_THE_LINE)
    return [Number(each.stem, name) for each in modules for name, _ in _assigned(ast.parse(each.read_text()))]


def stays() -> list[tuple[str, str, str, int]]:
    """The kinds of receivers and pictures in turns, so that few stays say much."""
    kinds = [(receiver, picture) for picture in ("layered", "single") for receiver in RECEIVERS]
    count = len(kinds)
    pairs = [(line, *kinds[(n + turn) % count]) for turn in range(count) for n, line in enumerate(LINES)]
    return [
        (line, receiver, picture, 1)
        for line, receiver, picture in pairs
        if (line, receiver) != ("beside a download", "STREAM")
    ]


def moved(number: Number, factor: float, known: Path, most: int) -> str | None:
    """The first of `most` stays that differs from the `known` rows; None: none does."""
    told = subprocess.run(  # in a process of its own: other modules have taken the number by then
        [sys.executable, "-m", "tests.zoo.sensitivity", *number, str(factor), str(known), str(most)],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip() or None


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Each name of the module that is given a number, and where that stands."""
    for statement in tree.body:
        if not isinstance(statement, ast.Assign):
            continue
        (target,), value = statement.targets, statement.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=True))
        for name, given in pairs:
            if isinstance(name, ast.Name) and _is_number(given):
                yield name.id, given


def _is_number(given: ast.expr) -> bool:
    parts = list(ast.walk(given))
    leaves = [part for part in parts if isinstance(part, ast.Constant | ast.Name | ast.Call)]
    constants = [part for part in leaves if isinstance(part, ast.Constant) and _counts(part.value)]
    return bool(constants) and len(constants) == len(leaves)


def _counts(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Changed(MetaPathFinder, Loader):
    """Makes one module of `media.line` with one of its numbers times `factor`."""

    def __init__(self, number: Number, factor: float) -> None:
        self._number, self._factor = number, factor

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return spec_from_loader(name, self) if name == f"media.line.{self._number.module}" else None

    def exec_module(self, module: ModuleType) -> None:
        path = FOLDER / f"{self._number.module}.py"
        tree = ast.parse(path.read_text())
        for name, given in _assigned(tree):
            if name == self._number.name:
                scale(given, self._factor)
        exec(compile(ast.fix_missing_locations(tree), str(path), "exec"), module.__dict__)


def scale(given: ast.expr, factor: float) -> None:
    """Make what stands there `factor` times as large; of several numbers each."""
    for part in given.elts if isinstance(given, ast.Tuple) else [given]:
        constant = next(each for each in ast.walk(part) if isinstance(each, ast.Constant))
        assert isinstance(constant.value, int | float)
        whole = isinstance(constant.value, int) and part is constant
        scaled = constant.value * factor
        if whole:  # a count changes by one at least
            by = 1 if factor > 1 else -1
            scaled = (max if by > 0 else min)(round(scaled), constant.value + by)
        constant.value = scaled


def _look(number: Number, factor: float, known: Path, most: int) -> None:
    sys.meta_path.insert(0, _Changed(number, factor))
    from tests.zoo.__main__ import one  # only now may the module be made

    rows: list[Any] = json.loads(known.read_text())
    for stay, row in rows[:most]:
        try:
            same = one(tuple(stay))[1] == row
        except (ArithmeticError, ValueError, LookupError):  # it can be no other number
            same = False
        if not same:
            print(" / ".join(map(str, stay)))
            return


def tell(most: int, processes: int) -> None:
    """Print a line for each number: what it moves, lowered and raised; or that it moves nothing."""
    from tests.zoo.__main__ import one  # not where a module is still to be made

    with TemporaryDirectory() as folder, ThreadPoolExecutor(processes) as pool:
        known = Path(folder) / "known.json"
        known.write_text(json.dumps([(stay, one(stay)[1]) for stay in stays()[:most]]))
        found = numbers()
        jobs = [(number, factor) for number in found for factor in FACTORS]
        moves = iter(pool.map(lambda job: moved(*job, known, most), jobs))
        for number in found:
            told = [next(moves) for _ in FACTORS]
            words = "; ".join(f"{factor}: {move or '-'}" for factor, move in zip(FACTORS, told, strict=True))
            print(f"{'' if any(told) else 'moves nothing':14}{'.'.join(number):44}{words}", flush=True)


if __name__ == "__main__":
    _look(Number(sys.argv[1], sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
