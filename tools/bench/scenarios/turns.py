"""This commit and another one in turns: the ratio of their CPU a packet and of their delays.

The speed of a machine changes from hour to hour by more than most commits change it, so compare only
figures that were measured right after each other. A whole system of each commit runs all the time, with all
its clients connected. Publishers send to one system at a time, in the order old, new, new, old. Both
workers share one core; everything else uses the other cores. Halfway both systems are started again,
because two processes of the same code differ a little, too.
"""

import argparse
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial

from tools.bench.checkout import Checkout, add_other
from tools.bench.checkout_system import CheckoutSystem
from tools.bench.generator import Load, loaded
from tools.bench.ratio import Ratio
from tools.bench.report import MUCH_WAITING, Report
from tools.bench.sides import Side, take_turns
from tools.bench.table import percentile, table

VIEWERS = (1, 10, 200)
ROOMS = 100
ROOM_VIEWERS = 2  # of each, where there are many rooms
ROUNDS = 8
SECONDS = 2.0
AT_ONCE = 8
LOSSES_SECONDS = 8.0  # until losses are certain, and the sound comes with copies

COLUMNS = (
    "rooms x viewers",
    "CPU µs/packet old",
    "new",
    "new/old",
    "delay p50 ms old",
    "new",
    "new/old",
    "delay p99 ms old",
    "new",
    "new/old",
    "lost old",
    "new",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_other(parser, required=True)
    add(
        "--other-settings",
        nargs="*",
        default=[],
        metavar="NAME=VALUE",
        help="of its system, such as NATIVE=off",
    )
    add("--settings", nargs="*", default=[], metavar="NAME=VALUE", help="of our system")
    add("--viewers", type=int, nargs="*", default=VIEWERS, help="of one room, a line each %(default)s")
    add(
        "--rooms",
        type=int,
        default=ROOMS,
        help=f"of {ROOM_VIEWERS} viewers, the last line; 0: none (%(default)s)",
    )
    add("--rounds", type=int, default=ROUNDS, help="of a window for each commit (%(default)s)")
    add("--seconds", type=float, default=SECONDS, help="of a window (%(default)s)")
    add("--no-gro", action="store_true", help="viewers receive without UDP GRO")
    add(
        "--sound",
        type=int,
        metavar="LOSERS",
        help="rooms have sound, too, of which so many viewers report losses, where there is one room",
    )
    add("--estimates", action="store_true", help="viewers estimate their line where that is agreed on")


@dataclass
class Windows:
    """Reports of one room size; those at the same index were measured one right after the other."""

    rooms: int
    viewers: int  # of each room
    old: list[Report] = field(default_factory=list)
    new: list[Report] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.rooms} x {self.viewers}"

    @property
    def cpu(self) -> Ratio:
        """Of CPU a packet. Raises `ValueError` where a window has no packets."""
        old, new = ([report.cpu_per_packet or 0.0 for report in side] for side in (self.old, self.new))
        return Ratio.of(old, new)

    def delay(self, share: float) -> Ratio:
        """Of a percentile of the delay. Raises `ValueError` likewise."""
        old, new = ([percentile(report.delay, share) for report in side] for side in (self.old, self.new))
        return Ratio.of(old, new)


async def run(_: str, arguments: argparse.Namespace) -> None:
    old = Checkout.at(arguments.other, arguments.other_python, arguments.other_settings)
    new = Checkout.ours(arguments.settings)
    gro = not arguments.no_gro
    sizes = [Windows(1, viewers) for viewers in arguments.viewers]
    if arguments.rooms:
        sizes.append(Windows(arguments.rooms, ROOM_VIEWERS))
    rows = []
    for size in sizes:
        joined = partial(connected, windows=size, estimates=arguments.estimates, sound=arguments.sound)
        sides = [Side(old, joined, size.old), Side(new, joined, size.new)]
        await take_turns(sides, arguments.rounds, arguments.seconds, gro=gro)
        rows.append(row(size))
        print(f"measured: {' '.join(rows[-1])}", file=sys.stderr)
    for name, checkout in (("old", old), ("new", new)):
        print(f"- {name}: commit {checkout.commit}; worker and control checked to import it")
    print()
    print(table(COLUMNS, rows))
    print(
        f"\n{arguments.rounds} rounds of two windows of {arguments.seconds:g} s, viewers"
        f" {'with' if gro else 'without'} UDP GRO. Geometric means of all windows; ± is the standard error."
    )
    for line in (line for size in sizes for line in remarks(size)):
        print(f"- {line}")


@contextlib.asynccontextmanager
async def connected(
    system: CheckoutSystem, windows: Windows, *, estimates: bool, sound: int | None
) -> AsyncIterator[Load]:
    """Connected without media: the relay is measured, not joining. But who loses sound has said so."""
    async with loaded(
        system.whip,
        system.whep,
        windows.viewers,
        rooms=windows.rooms,
        server_pids=[system.worker],
        at_once=AT_ONCE,
        silent=True,
        estimates=estimates,
        sound=sound is not None,
    ) as load:
        if sound and windows.rooms == 1:
            load.lose_sound(min(sound, windows.viewers))
            await load.warm_up(LOSSES_SECONDS)
            copied = sum(viewer.gets_redundant for viewer in load.viewers)
            print(f"{windows.name}: {copied} viewers get redundant sound", file=sys.stderr)
        yield load


def row(windows: Windows) -> tuple[str, ...]:
    """One cell for each of `COLUMNS`. Raises `ValueError` where a window has no packets."""
    return (
        windows.name,
        *ratio_cells(windows.cpu, 1e6),
        *(cell for share in (0.5, 0.99) for cell in ratio_cells(windows.delay(share), 1e3)),
        *(str(sum(report.due - report.received for report in side)) for side in (windows.old, windows.new)),
    )


def ratio_cells(ratio: Ratio, unit: float) -> tuple[str, str, str]:
    """Both figures, in `unit`, and their ratio."""
    return f"{ratio.old * unit:.2f}", f"{ratio.new * unit:.2f}", str(ratio)


def remarks(windows: Windows) -> list[str]:
    """What makes the figures of a line doubtful."""
    lines = []
    for name, reports in (("old", windows.old), ("new", windows.new)):
        subject = f"{windows.name}, {name}"
        waiting = sum(report.waiting_share for report in reports) / len(reports)
        if waiting > MUCH_WAITING:
            lines.append(f"{subject}: the worker waited for its core for {waiting:.0%} of the time")
        dropped = sum(report.server_dropped for report in reports)
        if dropped:
            lines.append(f"{subject}: the worker's socket dropped {dropped} datagrams of publishers")
        limits = [report.limit for report in reports if report.limit is not None]
        if limits:
            lines.append(f"{subject}: in {len(limits)} windows limited by the generator: {limits[0]}")
    return lines
