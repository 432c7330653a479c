"""A room with three layers and one with a single one, in turns: the ratio of their CPU a packet.

Viewers of three layers begin with the best one. Some of them choose another layer while the room streams, one
after the other. In the end as many get the second layer as the third. The layers differ in their packet
rates, or all that changed would have the same numbers: so only those have that wait for the same keyframe. In
the mean a picture has as many packets as one of the single layer. Both systems are of this commit.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from functools import partial

from tools.bench.checkout import Checkout
from tools.bench.checkout_system import CheckoutSystem
from tools.bench.generator import Load, loaded
from tools.bench.layers import RIDS, Layers
from tools.bench.publisher import Stream
from tools.bench.ratio import Ratio
from tools.bench.report import Report
from tools.bench.scenarios.turns import AT_ONCE, Windows, ratio_cells, remarks
from tools.bench.sides import Side, take_turns
from tools.bench.table import table

VIEWERS = 200
CHANGED = (67, 133)
ROUNDS = 8
SECONDS = 2.0
PAUSE_SECONDS = 0.1  # between two choices
SETTLE_SECONDS = 3.0  # more than from one keyframe to the next where viewers change all the time

COLUMNS = (
    "viewers",
    "changed",
    "packets of a picture",
    "CPU µs/packet, one layer",
    "layers",
    "layers/one",
    "CPU % of a core, one layer",
    "layers",
    "layers/one",
    "delay p50 ms, layers/one",
)


class NotChangedError(RuntimeError):
    """Viewers do not get the layers that they chose."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--viewers", type=int, default=VIEWERS, help="of each room (%(default)s)")
    add("--changed", type=int, nargs="*", default=CHANGED, help="viewers that do, a line each %(default)s")
    add("--bursts", type=int, nargs="+", default=[10, 9, 11], help="packets of a picture, by layer")
    add("--rounds", type=int, default=ROUNDS, help="of a window for each room (%(default)s)")
    add("--seconds", type=float, default=SECONDS, help="of a window (%(default)s)")
    add("--no-gro", action="store_true", help="viewers receive without UDP GRO")
    add("--estimates", action="store_true", help="viewers estimate their line")


async def run(_: str, arguments: argparse.Namespace) -> None:
    ours, gro, bursts = Checkout.ours(), not arguments.no_gro, arguments.bursts
    rows, lines = [], []
    for changed in arguments.changed:
        windows = Windows(1, arguments.viewers)

        def one(system: CheckoutSystem) -> contextlib.AbstractAsyncContextManager[Load]:
            stream = Stream(bursts[0])
            return loaded(
                system.whip,
                system.whep,
                arguments.viewers,
                server_pids=[system.worker],
                at_once=AT_ONCE,
                silent=True,
                stream=stream,
                estimates=arguments.estimates,
            )

        several = partial(
            _spread,
            viewers=arguments.viewers,
            changed=changed,
            stream=Layers(bursts),
            estimates=arguments.estimates,
        )
        sides = [Side(ours, one, windows.old), Side(ours, several, windows.new)]
        await take_turns(sides, arguments.rounds, arguments.seconds, gro=gro, all_due=False)
        rows.append(row(windows, changed, bursts))
        lines += remarks(windows)
        print(f"measured: {' '.join(rows[-1])}", file=sys.stderr)
    print(table(COLUMNS, rows))
    print(
        f"\n{arguments.rounds} rounds of two windows of {arguments.seconds:g} s, viewers"
        f" {'with' if gro else 'without'} UDP GRO. Geometric means of all windows; ± is the standard error."
    )
    for line in lines:
        print(f"- {line}")


@contextlib.asynccontextmanager
async def _spread(
    system: CheckoutSystem, viewers: int, changed: int, stream: Layers, *, estimates: bool
) -> AsyncIterator[Load]:
    """Viewers of several layers, `changed` of which have chosen another one than the best."""
    async with loaded(
        system.whip,
        system.whep,
        viewers,
        server_pids=[system.worker],
        at_once=AT_ONCE,
        stream=stream,
        estimates=estimates,
    ) as load:
        others = len(stream.bursts) - 1
        async with load.streaming():
            for number in range(changed):
                # the viewers that change are spread over the order of joining, too
                viewer = load.viewers[number * viewers // changed]
                await viewer.choose(RIDS[1 + number % others])
                await asyncio.sleep(PAUSE_SECONDS)
            await asyncio.sleep(SETTLE_SECONDS)
            got = await system.viewers_by_layer()
        due = [len(range(rank, changed, others)) for rank in range(others)]
        if got != [viewers - changed, *due]:
            raise NotChangedError(f"the layers have {got} viewers, of {viewers} of whom {changed} changed")
        yield load


def row(windows: Windows, changed: int, bursts: Sequence[int]) -> tuple[str, ...]:
    """One cell for each of `COLUMNS`. Raises `ValueError` where a window has no packets."""

    def share(reports: Sequence[Report]) -> list[float]:
        return [report.server_share or 0.0 for report in reports]

    return (
        str(windows.viewers),
        str(changed),
        ", ".join(map(str, bursts)),
        *ratio_cells(windows.cpu, 1e6),
        *ratio_cells(Ratio.of(share(windows.old), share(windows.new)), 100),
        str(windows.delay(0.5)),
    )
