"""Joins of this commit and another one in turns: how soon they are answered, and the CPU of every process.

One viewer at a time joins a silent room of an otherwise idle system, and leaves again. A whole system of each
commit runs all the time; some viewers join one, then some the other, in the order old, new, new, old. What
its processes do anyhow is measured in a pause of the same length, and taken off. With
`--pion` a server on Pion takes its turn after each of these. The rooms hold no pictures, as Pion's never do,
so that a join is a join alone; with `--pictures` each viewer also gets what a room holds since its keyframe.
"""

import argparse
import asyncio
import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from time import monotonic

from tools.bench.checkout import Checkout, add_other
from tools.bench.checkout_system import started
from tools.bench.generator import Load, loaded
from tools.bench.other_server import started_server
from tools.bench.pion import built_pion_server
from tools.bench.ratio import Ratio
from tools.bench.table import percentile, table
from tools.bench.usage import Usage

ROUNDS = 8
JOINS = 25
PAUSE_SECONDS = 0.05
MEDIA_SECONDS = 0.5  # before all, in rooms that need it: Pion takes viewers from the first packet on
# Joins before the first window: each process has compiled, cached and connected what it will need.
WARM_JOINS = 20

COLUMNS = ("", "old", "new", "new/old")


@dataclass
class JoinWindows:
    """Of one commit. `joining` has, for each process, the seconds of CPU of a join in each window."""

    answers: list[list[float]] = field(default_factory=list)  # seconds from POST to answer
    joining: dict[str, list[float]] = field(default_factory=dict)
    leaving: dict[str, list[float]] = field(default_factory=dict)
    resting: dict[str, list[float]] = field(default_factory=dict)  # the same of a second without either


def total(cpu: Mapping[str, Sequence[float]]) -> list[float]:
    """Of all processes, in each window."""
    return [sum(parts) for parts in zip(*cpu.values(), strict=True)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_other(parser, required=True)
    add("--rounds", type=int, default=ROUNDS, help="of a window for each commit (%(default)s)")
    add("--joins", type=int, default=JOINS, help="of a window (%(default)s)")
    add("--pion", action="store_true", help="a server on Pion, too, which is built first")
    add("--pictures", action="store_true", help="half a second of them in each room, with its keyframe")
    add(
        "--pause",
        type=float,
        default=PAUSE_SECONDS,
        help="seconds before each join and leaving (%(default)s)",
    )


async def run(_: str, arguments: argparse.Namespace) -> None:
    checkouts = [Checkout.at(arguments.other, arguments.other_python), Checkout.ours()]
    old, new, pion = sides = [JoinWindows(), JoinWindows(), JoinWindows()]
    async with contextlib.AsyncExitStack() as running:
        processes: list[Mapping[str, int]] = []
        addresses: list[tuple[str, str]] = []
        for checkout in checkouts:
            system = await running.enter_async_context(started(checkout))
            processes.append(system.processes)
            addresses.append((system.whip, system.whep))
        if arguments.pion:
            program = built_pion_server(Path(running.enter_context(tempfile.TemporaryDirectory())))
            server = await running.enter_async_context(started_server("Pion", [str(program)]))
            processes.append({"Pion": server.pids[0]})
            addresses.append((server.whip, server.whep))
        loads = [await running.enter_async_context(loaded(*urls, 0)) for urls in addresses]
        turns = list(zip(processes, loads, sides, strict=False))
        for _processes, load, side in turns:
            if arguments.pictures or side is pion:
                await load.warm_up(MEDIA_SECONDS)
            await measure({}, load, JoinWindows(), WARM_JOINS, arguments.pause)
        for number in range(arguments.rounds):
            for turn in turns if number % 2 == 0 else reversed(turns):
                await measure(*turn, arguments.joins, arguments.pause)
    for name, checkout in zip(("old", "new"), checkouts, strict=True):
        print(f"- {name}: commit {checkout.commit}; worker and control checked to import it")
    print()
    print(table(COLUMNS, rows(old, new)))
    if arguments.pion:
        print()
        print(
            table(
                ("", "new", "Pion", "Pion/new"), [row for row in rows(new, pion) if "of which" not in row[0]]
            )
        )
    print(
        f"\n{arguments.rounds} rounds of a window of {arguments.joins} joins for each, with"
        f" {arguments.pause:g} s before each joins, and leaves. Geometric means; ± is the standard error."
    )


async def measure(
    processes: Mapping[str, int], load: Load, side: JoinWindows, joins: int, pause: float
) -> None:
    """Add a window to `side`: the answers, and the CPU of each of the `processes`."""
    usages, times, answers = [_usage(processes)], [monotonic()], []

    def look() -> None:
        usages.append(_usage(processes))
        times.append(monotonic())

    for _ in range(joins):
        guest = await load.guest(silent=True)
        answers.append(guest.answered_after)
        await asyncio.sleep(pause)
        look()
        await load.dismiss(guest)
        await asyncio.sleep(pause)
        look()
        await asyncio.sleep(pause)
        look()
    side.answers.append(answers)
    lasted = [after - before for before, after in pairwise(times)]
    joined, left, rested = (sum(lasted[n::3]) for n in range(3))
    for part in processes:
        steps = [later[part].since(earlier[part]).cpu for earlier, later in pairwise(usages)]
        resting = sum(steps[2::3]) / rested
        side.joining.setdefault(part, []).append((sum(steps[::3]) - resting * joined) / joins)
        side.leaving.setdefault(part, []).append((sum(steps[1::3]) - resting * left) / joins)
        side.resting.setdefault(part, []).append(resting)


def _usage(processes: Mapping[str, int]) -> dict[str, Usage]:
    return {part: Usage.of([pid]) for part, pid in processes.items()}


def rows(old: JoinWindows, new: JoinWindows) -> list[Sequence[str]]:
    """The answers, and the CPU of all processes, and for a join of each that used any."""
    found: list[Sequence[str]] = []
    for name, share in (("answer p50 ms", 0.5), ("answer p99 ms", 0.99)):
        series = [[percentile(window, share) for window in side.answers] for side in (old, new)]
        found.append(_row(name, *series))
    found.append(_row("CPU ms a join", total(old.joining), total(new.joining)))
    for part in old.joining:
        if min((*old.joining[part], *new.joining.get(part, [0.0]))) > 0:
            found.append(_row(f"of which {part}", old.joining[part], new.joining[part]))
    found.append(_row("CPU ms a leaving", total(old.leaving), total(new.leaving)))
    found.append(_row("CPU ms a second without either", total(old.resting), total(new.resting)))
    return found


def _row(name: str, old: Sequence[float], new: Sequence[float]) -> Sequence[str]:
    ratio = Ratio.of(old, new)
    return name, f"{ratio.old * 1e3:.2f}", f"{ratio.new * 1e3:.2f}", str(ratio)
