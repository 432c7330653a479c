"""`python -m tools.lines HISTORY`: somebody watches over a line with that history, and tells each second.

HISTORY is like `0:open 5:500k 20:open 30`: at 5 s 500 kbit/s, at 20 s no limit, the end at 30 s. A shape may
go on with a delay and a loss, `2m/40ms/1%`. Further viewers of the room have a history each, after a `+`.
"""

import argparse
import asyncio
import contextlib
import re
import time
from dataclasses import dataclass

from tests.support.free_ports import free_port
from tests.support.layer_publisher import ONE, THREE
from tests.support.line_shape import OPEN, Shape
from tests.support.line_stage import Stage, line_stage
from tests.support.line_tab import LineTab
from tests.support.own_valkey import OwnValkey
from tests.support.shaped_line import ShapedLine

UNITS = {"k": 1e3, "m": 1e6}
CODECS = {name.lower(): f"video/{name}" for name in ("VP8", "VP9", "H264", "AV1")}


@dataclass(frozen=True)
class History:
    """What a line is like, from when on (seconds)."""

    shapes: tuple[tuple[float, Shape], ...]
    end: float

    @classmethod
    def read(cls, words: list[str]) -> "History":
        shapes = []
        for word in words[:-1]:
            at, _, shape = word.partition(":")
            shapes.append((float(at), read_shape(shape)))
        return cls(tuple(shapes), float(words[-1]))


def read_shape(text: str) -> Shape:
    """`open`, `500k`, `2m/40ms/1%`."""
    rate, *more = text.split("/")
    number = re.fullmatch(r"([\d.]+)([km])", rate)
    found = Shape(rate=float(number[1]) * UNITS[number[2]]) if number else OPEN
    delay = next((float(part[:-2]) / 1000 for part in more if part.endswith("ms")), 0.0)
    loss = next((float(part[:-1]) / 100 for part in more if part.endswith("%")), 0.0)
    return Shape(rate=found.rate, delay=delay, loss=loss)


async def live_through(history: History, line: ShapedLine, began: float) -> None:
    """Shape the line as its history says."""
    for at, shape in history.shapes:
        await asyncio.sleep(began + at - time.time())
        line.shape(down=shape)


async def tell(name: str, viewer: LineTab, line: ShapedLine, began: float, end: float) -> None:
    """Print what the viewer sees, as it goes on."""
    dropped = 0
    for number in range(int(end)):
        await asyncio.sleep(began + number + 1.25 - time.time())
        way = line.down
        print(
            f"{name}{(await viewer.seen()).second(number, began)}"
            f"  {way.dropped - dropped} dropped, {1000 * way.wait:.0f} ms queued",
            flush=True,
        )
        dropped = way.dropped
    print(f"{name}the machine was late by {1000 * line.late():.0f} ms at most")


async def watch(name: str, stage: Stage, history: History) -> None:
    async with contextlib.AsyncExitStack() as stack:
        line = await stack.enter_async_context(stage.line())
        viewer = await stack.enter_async_context(stage.viewer(line))
        began = time.time()
        await asyncio.gather(live_through(history, line, began), tell(name, viewer, line, began, history.end))


async def run(histories: list[History], *, single: bool, codec: str) -> None:
    valkey = OwnValkey(free_port())
    valkey.start()
    try:
        async with line_stage(valkey.url, ONE if single else THREE, codec=CODECS[codec]) as stage:
            with contextlib.suppress(AssertionError):
                await stage.full()
            for layer in await stage.publisher.sent():
                print(layer)
            stages = [stage] * len(histories)
            names = [f"{n}: " if len(histories) > 1 else "" for n in range(1, len(histories) + 1)]
            await asyncio.gather(*(watch(*each) for each in zip(names, stages, histories, strict=True)))
    finally:
        valkey.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--single", action="store_true", help="publish one layer, not three")
    parser.add_argument("--codec", choices=CODECS, default="vp8")
    parser.add_argument("history", nargs="+")
    arguments = parser.parse_args()
    text = " ".join(arguments.history)
    histories = [History.read(part.split()) for part in text.split("+")]
    asyncio.run(run(histories, single=arguments.single, codec=arguments.codec))


if __name__ == "__main__":
    main()
