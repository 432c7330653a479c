"""Outages of real processes, as a real Prometheus with the shipped rules sees them.

Prints the seconds until an alert fires: `pytest -m soak -s` and this file, six minutes.
"""

import asyncio
import contextlib
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import cast

import jwt
import pytest

from tests.integration.deploy.files import PROMETHEUS, read_yaml
from tests.support.offers import PLAY_OFFER
from tests.support.prometheus import Prometheus, running_prometheus
from tests.support.system import Member, System, running_system
from tests.support.waiting import eventually

pytestmark = [pytest.mark.soak, pytest.mark.alone]
SECONDS = 180.0  # within which an outage is told
QUIET_SECONDS = 120.0  # for which a stranger tries alone
OFFERS_A_SECOND = 5
VIEWERS = 40
OURS, THEIRS = "s" * 32, "t" * 32

AUDIENCE = """
import asyncio, sys
from tools.bench.generator import loaded

async def main():
    async with loaded(sys.argv[1], sys.argv[2], int(sys.argv[3])):
        print("all are there", flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def watched(system: System, folder: Path) -> AsyncIterator[Prometheus]:
    """It scrapes `system` as deploy/prometheus/prometheus.yml has it, at other addresses."""
    config = read_yaml(PROMETHEUS / "prometheus.yml")
    config["rule_files"] = [str(PROMETHEUS / name) for name in config["rule_files"]]
    workers, control = config["scrape_configs"]
    workers["http_sd_configs"][0]["url"] = f"{system.controls[0].metrics_url}/api/metrics/targets"
    del control["dns_sd_configs"]
    addresses = [member.metrics_url.removeprefix("http://") for member in system.controls]
    control["static_configs"] = [{"targets": addresses}]
    async with running_prometheus(config, folder / "prometheus") as prometheus:
        yield prometheus


async def firing(prometheus: Prometheus) -> dict[str, str]:
    """Alerts that fire, and their severity."""
    found = await prometheus.ask('count by (alertname, severity) (ALERTS{alertstate="firing"})')
    return dict(cast(Iterable[tuple[str, str]], found.keys()))


async def sees(prometheus: Prometheus, condition: str) -> None:
    """Wait until it has a result."""

    async def there() -> bool:
        return bool(await prometheus.ask(condition))

    await eventually(condition, there, 60.0)


async def told(prometheus: Prometheus, alert: str, since: float) -> None:
    """Wait until the alert fires."""

    async def fires() -> bool:
        return alert in await firing(prometheus)

    await eventually(f"{alert} fires", fires, SECONDS - (time.monotonic() - since))
    print(f"{alert}: {time.monotonic() - since:.0f} s; firing: {sorted(await firing(prometheus))}")


async def offers_from(system: System, clients: int, stop: asyncio.Event) -> None:
    """Offers with tokens of another secret, of so many addresses, as a proxy passes them on."""
    token = jwt.encode({"sub": "ann", "exp": time.time() + 3600}, THEIRS, "HS256")
    number = 0
    while not stop.is_set():
        number += 1
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/sdp",
            "X-Forwarded-For": f"192.0.2.{number % clients + 1}",
        }
        answer = await system.http.post(
            system.whep("demo", number % len(system.controls)), content=PLAY_OFFER, headers=headers
        )
        assert answer.status_code == 401
        await asyncio.sleep(1 / OFFERS_A_SECOND)


@contextlib.asynccontextmanager
async def offering(system: System, clients: int) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(offers_from(system, clients, stop))
        try:
            yield
        finally:
            stop.set()


async def test_a_wrong_secret_is_told_and_a_stranger_wakes_nobody(redis_url: str, tmp_path: Path) -> None:
    settings = {"JWT_SECRET": OURS, "TRUSTED_PROXIES": "127.0.0.0/8"}
    async with (
        running_system(redis_url, controls=2, workers=2, **settings) as system,
        watched(system, tmp_path) as prometheus,
    ):
        await sees(prometheus, "cluster:roomcast_joins_failed:clients")
        async with offering(system, 1):
            until = time.monotonic() + QUIET_SECONDS
            while time.monotonic() < until:
                assert "critical" not in (await firing(prometheus)).values()
                await asyncio.sleep(1)
        print(f"a stranger, {QUIET_SECONDS:.0f} s; firing: {sorted(await firing(prometheus))}")
        began = time.monotonic()
        async with offering(system, 200):
            await told(prometheus, "RoomcastJoinsFail", began)


async def test_a_worker_that_is_killed_three_times_is_told(redis_url: str, tmp_path: Path) -> None:
    async with (
        running_system(redis_url, controls=2, workers=2) as system,
        watched(system, tmp_path) as prometheus,
    ):
        await sees(prometheus, "count(worker:process_start_time_seconds:max) == 2")
        for times in range(1, 4):
            await killed(system.workers[0])
            began = time.monotonic()
            query = f'changes(worker:process_start_time_seconds:max{{worker="worker0"}}[1h]) == {times}'
            await sees(prometheus, query)
        await told(prometheus, "RoomcastWorkerRestarts", began)


async def killed(worker: Member) -> None:
    worker.kill()
    worker.restart()


async def test_an_audience_that_is_cut_off_is_told(redis_url: str, tmp_path: Path) -> None:
    async with (
        running_system(redis_url, controls=2, workers=2) as system,
        watched(system, tmp_path) as prometheus,
    ):
        arguments = ("-c", AUDIENCE, system.whip("demo"), system.whep("demo"), str(VIEWERS))
        audience = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE)
        try:
            assert audience.stdout is not None
            await audience.stdout.readline()
            await sees(prometheus, f"cluster:roomcast_sessions_connected:sum >= {VIEWERS}")
        finally:
            audience.kill()  # as if all its datagrams were lost
            await audience.wait()
        await told(prometheus, "RoomcastSessionsLost", time.monotonic())
