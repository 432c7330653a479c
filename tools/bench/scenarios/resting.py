"""A whole system at rest, `roomcast up` without sessions: CPU and memory of each of its processes.

With another checkout, a system of each runs, and both are measured at the same time: they disturb each other
alike. Memory is each process' share of what it has in RAM (PSS), so that it adds up.
"""

import argparse
import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tools.bench.checkout import Checkout, add_other
from tools.bench.checkout_system import CheckoutSystem, started
from tools.bench.table import table
from tools.bench.usage import Usage, proportional_bytes

SETTLE_SECONDS = 5.0
SECONDS = 30.0
COLUMNS = ("commit", "process", "CPU, of a core", "memory MB")


@dataclass(frozen=True, slots=True)
class Resting:
    """What one process used: `cpu` as a share of one core, `memory` in bytes."""

    cpu: float
    memory: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_other(parser, required=False)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for which they rest (%(default)s)")


async def run(_: str, arguments: argparse.Namespace) -> None:
    checkouts = [Checkout.ours()]
    if arguments.other:
        checkouts.insert(0, Checkout.at(arguments.other, arguments.other_python))
    async with contextlib.AsyncExitStack() as running:
        systems = [await running.enter_async_context(started(checkout)) for checkout in checkouts]
        await asyncio.sleep(SETTLE_SECONDS)
        measured = await asyncio.gather(*(rested(system, arguments.seconds) for system in systems))
    rows = [
        row
        for checkout, each in zip(checkouts, measured, strict=True)
        for row in lines(checkout.commit, each)
    ]
    print(table(COLUMNS, rows))


async def rested(system: CheckoutSystem, seconds: float) -> dict[str, Resting]:
    """What each process of `system` uses in the next seconds, by what it does."""
    loop = asyncio.get_running_loop()
    before, began = {part: Usage.of([pid]) for part, pid in system.processes.items()}, loop.time()
    await asyncio.sleep(seconds)
    passed = loop.time() - began
    return {
        part: Resting(Usage.of([pid]).since(before[part]).cpu / passed, proportional_bytes(pid))
        for part, pid in system.processes.items()
    }


def lines(commit: str, measured: Mapping[str, Resting]) -> list[Sequence[str]]:
    """A line for each process, and one for all."""
    total = Resting(
        sum(each.cpu for each in measured.values()), sum(each.memory for each in measured.values())
    )
    return [
        (commit, part, f"{each.cpu:.2%}", f"{each.memory / 1e6:.1f}")
        for part, each in (*measured.items(), ("all", total))
    ]
