"""Takes the mend of a fault out of Roomcast, at one place, to see that a simulated world finds the fault."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha1
from types import SimpleNamespace
from typing import Any

import control.app
import shared.bus.batch
import shared.directory.claims
import shared.directory.directory
from control.workers.cluster import Cluster
from control.workers.redis_watch import RedisWatch
from shared.events.event_queue import Place
from shared.names import WorkerId


def without_epoch() -> None:
    """An emptied Redis gives a room to whoever comes first."""
    _in_scripts("local function epoch_age(key)\n", "local function epoch_age(key)\n  do return 1e12 end\n")


def without_since() -> None:
    """Of two workers that claim a room again, the first one has it."""
    _in_scripts("if since == '' then\n    return {owner, 1}", "do\n    return {owner, 1}")


def _in_scripts(part: str, other: str) -> None:
    script = shared.bus.batch.script

    def changed(name: str) -> shared.bus.batch.Script:
        text = script(name).text.replace(part, other)
        return replace(script(name), text=text, sha1=sha1(text.encode()).hexdigest())

    shared.bus.batch.script = changed
    shared.directory.claims.script = shared.directory.directory.script = changed


def without_numbers() -> None:
    """Nobody counts the webhooks that were trimmed before they were read."""
    passed = Place.passed
    Place.passed = lambda self, entries: (passed(self, entries)[0], 0)


def without_probe() -> None:
    """A Redis that answers and refuses writes counts as there."""

    class Pinging(RedisWatch):
        def __init__(self, redis: Any) -> None:
            super().__init__(redis)
            self._redis: Any = SimpleNamespace(set=lambda *_, **__: redis.ping())

    control.app.RedisWatch = Pinging


def without_unreached() -> None:
    """Only workers that live in Redis are asked to obey a ruling, and missed if they do not."""

    async def living(self: Cluster, _seconds: float) -> list[WorkerId]:
        return [WorkerId(worker.id) for worker in await self.workers()]

    Cluster.heard_workers = living


def without_memory() -> None:
    """Only workers that Redis knows are asked to obey a ruling, also by a Redis that was emptied."""

    async def known(self: Cluster, _seconds: float) -> list[WorkerId]:
        return await self._directory.heard_workers()

    Cluster.heard_workers = known


MENDS: dict[str, Callable[[], None]] = {
    "numbers": without_numbers,  # fault 2 of issue 29
    "epoch": without_epoch,  # fault 3
    "probe": without_probe,  # fault 5
    "unreached": without_unreached,  # fault 6
    "memory": without_memory,  # found by a seed
    "since": without_since,  # found by a seed
}
