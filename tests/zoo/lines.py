"""The lines of the zoo: since when each is like what, in seconds after the join."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.support.line_shape import Shape

SECONDS = 42.0  # of a stay
SOUND = 65_000  # bit/s, with its headers
PEAKS = 1.1  # a layer fits a line that carries this multiple of its mean
Shapes = list[tuple[float, Shape]]


@dataclass(frozen=True)
class Line:
    """`shapes` makes them by a seed. On a `steady` line nothing changes: its viewer may wait less.

    With `download` a TCP connection shares it, with `company` a second viewer of the room. `deaf` is the
    share of the viewer's RTCP that is lost; the viewer comes from another address at `moves`.
    """

    name: str
    shapes: Callable[[random.Random], Shapes]
    steady: bool = True
    download: bool = False
    company: bool = False
    deaf: float = 0.0
    moves: float = math.inf


def steady(**how: Any) -> Callable[[random.Random], Shapes]:
    return lambda _: [(0.0, Shape(**how))]


def _changes(*parts: tuple[float, Shape]) -> Callable[[random.Random], Shapes]:
    return lambda _: list(parts)


def _walk(least: float, most: float, apart: float, delay: float) -> Callable[[random.Random], Shapes]:
    """A rate that walks at random on a logarithmic scale."""

    def shapes(chance: random.Random) -> Shapes:
        rate, taken, at = math.sqrt(least * most), [], 0.0
        while at < SECONDS:
            taken.append((at, Shape(rate=rate, queue=1.0, delay=delay)))
            rate = min(most, max(least, rate * math.exp(chance.gauss(0, 0.12))))
            at += apart
        return taken

    return shapes


def _stalls(rate: float, each: float, lasts: float) -> Callable[[random.Random], Shapes]:
    """It stands still for a moment, and loses nothing by that."""
    still = 1_000.0

    def shapes(_: random.Random) -> Shapes:
        flows = Shape(rate=rate, queue=0.3, delay=0.008)
        stands = Shape(rate=still, queue=0.3 * rate / still, delay=0.008)
        return [part for at in _times(each) for part in ((at, flows), (at + each - lasts, stands))]

    return shapes


def _flaps(high: float, low: float, each: float) -> Callable[[random.Random], Shapes]:
    def shapes(_: random.Random) -> Shapes:
        rates = (Shape(rate=high, delay=0.02), Shape(rate=low, delay=0.02))
        return [(at, rates[number % 2]) for number, at in enumerate(_times(each))]

    return shapes


def _times(each: float) -> Iterator[float]:
    return (number * each for number in range(math.ceil(SECONDS / each)))


def _by_chance(chance: random.Random) -> Shapes:
    """What nobody named: two to six parts of any shape."""
    delay, taken, at = chance.uniform(0.003, 0.15), [], 0.0
    for _ in range(chance.randint(2, 6)):
        rate = math.exp(chance.uniform(math.log(120_000), math.log(8_000_000)))
        queue = math.exp(chance.uniform(math.log(0.02), math.log(2.5)))
        loss, burst = chance.choice(((0.0, (1, 1)), (0.0, (1, 1)), (0.02, (1, 1)), (0.02, (2, 4))))
        taken.append((at, Shape(rate=rate, queue=queue, delay=delay, loss=loss, burst=burst)))
        at += chance.uniform(4.0, 20.0)
    return taken


_DSL = {"delay": 0.02}
ZOO = (
    Line("open", steady(rate=20e6, **_DSL)),
    Line("half, 3 s deep", steady(rate=550e3, queue=3.0, **_DSL)),
    Line("half, 1 s deep", steady(rate=550e3, queue=1.0, **_DSL)),
    Line("half, 300 ms", steady(rate=550e3, queue=0.3, **_DSL)),
    Line("half, 100 ms", steady(rate=550e3, queue=0.1, **_DSL)),
    Line("half, 25 ms", steady(rate=550e3, queue=0.025, **_DSL)),
    Line("policed to 550, 50 ms", steady(rate=550e3, queue=0.05, policed=True, **_DSL)),
    Line("policed to 550, 500 ms", steady(rate=550e3, queue=0.5, policed=True, **_DSL)),
    Line("just the top, 1 s deep", steady(rate=900e3, queue=1.0, **_DSL)),
    Line("just too little, 300 ms", steady(rate=740e3, queue=0.3, **_DSL)),
    Line("lowest only", steady(rate=270e3, queue=0.3, **_DSL)),
    Line("lowest only, 2 s deep", steady(rate=270e3, queue=2.0, **_DSL)),
    Line("sound only", steady(rate=120e3, queue=0.5, **_DSL)),
    Line(
        "cut to 500",
        _changes(
            (0, Shape(rate=20e6, **_DSL)), (12, Shape(rate=500e3, **_DSL)), (30, Shape(rate=20e6, **_DSL))
        ),
        steady=False,
    ),
    Line(
        "cut to 330, 1 s deep",
        _changes(
            (0, Shape(rate=20e6, **_DSL)),
            (12, Shape(rate=330e3, queue=1.0, **_DSL)),
            (30, Shape(rate=20e6, **_DSL)),
        ),
        steady=False,
    ),
    Line("opens", _changes((0, Shape(rate=300e3, **_DSL)), (15, Shape(rate=20e6, **_DSL))), steady=False),
    Line("LTE", _walk(250e3, 3e6, 0.1, 0.035), steady=False),
    Line("LTE, far", _walk(150e3, 1.2e6, 0.1, 0.06), steady=False),
    Line("flapping", _flaps(20e6, 350e3, 5.0), steady=False),
    Line("Wi-Fi that stalls", _stalls(10e6, 0.9, 0.15)),
    Line("Wi-Fi that stalls, narrow", _stalls(1.2e6, 0.9, 0.15)),
    Line("5 % lost by chance", steady(rate=20e6, loss=0.05, **_DSL)),
    Line("10 % lost by chance", steady(rate=20e6, loss=0.10, **_DSL)),
    Line("3 % lost in bursts", steady(rate=20e6, loss=0.03, burst=(2, 4), **_DSL)),
    Line("2 % lost, half", steady(rate=550e3, queue=0.3, loss=0.02, **_DSL)),
    Line("satellite", steady(rate=2e6, queue=0.5, delay=0.3)),
    Line("satellite, half", steady(rate=550e3, queue=0.5, delay=0.3)),
    Line("far away", steady(rate=20e6, delay=0.15)),
    Line("VPN", steady(rate=5e6, mtu=1280, delay=0.04)),
    Line("beside a download", steady(rate=2e6, queue=0.3, **_DSL), download=True),
    Line("two on a line", steady(rate=1.1e6, queue=0.3, **_DSL), company=True),
    Line("reports lost", steady(rate=550e3, queue=0.3, **_DSL), deaf=0.3),
    Line(
        "handover",
        _changes((0, Shape(rate=20e6, delay=0.01)), (15, Shape(rate=450e3, queue=0.5, delay=0.06))),
        steady=False,
        moves=15.2,
    ),
    Line("by chance", _by_chance, steady=False),
)


def named(name: str) -> Line:
    return next(line for line in ZOO if line.name == name)


def seeded(line: Line, seed: int, began: float) -> Shapes:
    """Its shapes by that seed; times are of the room's clock. No two seeds have the same delay."""
    chance = random.Random(f"{line.name} {seed}")
    more = chance.uniform(0.0, 0.01)
    return [(began + at, replace(shape, delay=shape.delay + more)) for at, shape in line.shapes(chance)]


def fitting(shape: Shape, bitrates: Sequence[int], share: float) -> int | None:
    """The best layer that the line carries; None: none."""
    carries = (shape.rate or math.inf) * share * (1 - shape.loss)
    return next((n for n, rate in enumerate(bitrates) if rate * PEAKS + SOUND <= carries), None)
