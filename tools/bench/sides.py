"""Two systems that are measured in turns, so that what else the machine does disturbs both alike."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tools.bench.checkout import Checkout
from tools.bench.checkout_system import CheckoutSystem, started
from tools.bench.cores import give_core, leave_core
from tools.bench.generator import Load
from tools.bench.report import Report

STARTS = 2
FIRST_WARM_UP_SECONDS = 2.0
WARM_UP_SECONDS = 0.4  # of each window: the system has been silent, its code is out of the caches


@dataclass(frozen=True, slots=True)
class Side:
    """`loaded` connects the clients to a system of `checkout`. `reports` are of its windows, in order."""

    checkout: Checkout
    loaded: Callable[[CheckoutSystem], contextlib.AbstractAsyncContextManager[Load]]
    reports: list[Report]


async def take_turns(
    sides: Sequence[Side], rounds: int, seconds: float, *, gro: bool, all_due: bool = True
) -> None:
    """Add the reports of so many rounds to both sides. Halfway both systems are started again."""
    leave_core()
    for start in range(STARTS):
        first, last = (rounds * number // STARTS for number in (start, start + 1))
        if last > first:
            await _measure(sides, range(first, last), seconds, gro=gro, all_due=all_due)


async def _measure(sides: Sequence[Side], rounds: range, seconds: float, *, gro: bool, all_due: bool) -> None:
    """Add the windows of some rounds, measured on fresh systems."""
    async with contextlib.AsyncExitStack() as running:
        async with asyncio.TaskGroup() as starting:
            starts = [
                starting.create_task(running.enter_async_context(started(side.checkout))) for side in sides
            ]
        systems = [start.result() for start in starts]
        for system in systems:
            give_core(system.worker)
        loads = [
            await running.enter_async_context(side.loaded(system))
            for side, system in zip(sides, systems, strict=True)
        ]
        for load in loads:
            await load.warm_up(min(FIRST_WARM_UP_SECONDS, seconds))
        pairs = list(zip(loads, sides, strict=True))
        for number in rounds:
            for load, side in pairs if number % 2 == 0 else reversed(pairs):
                await load.warm_up(WARM_UP_SECONDS)
                side.reports.append(await load.measure(seconds, gro=gro, all_due=all_due))
