"""A real Prometheus with a configuration of ours, asked as Grafana asks it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.free_ports import free_port
from tests.support.logged_process import logged_process
from tests.support.waiting import eventually

START_SECONDS = 20.0


@dataclass
class Prometheus:
    address: str
    _http: httpx.AsyncClient

    async def ask(self, expression: str) -> dict[tuple[str, ...], float]:
        """The present values of an expression, by their labels' values in the order of the labels' names."""
        response = await self._http.get(f"http://{self.address}/api/v1/query", params={"query": expression})
        response.raise_for_status()
        found: list[dict[str, Any]] = response.json()["data"]["result"]
        return {
            tuple(value for _, value in sorted(one["metric"].items())): float(one["value"][1])
            for one in found
        }

    async def comes_to(self, expression: str, expected: dict[tuple[str, ...], float], within: float) -> None:
        """Wait until an expression has exactly these values."""
        last: dict[tuple[str, ...], float] = {}

        async def there() -> bool:
            nonlocal last
            last = await self.ask(expression)
            return last == expected

        try:
            await eventually(expression, there, within, every=0.2)
        except AssertionError:
            raise AssertionError(f"not within {within:g} s: {expression} is {last}, not {expected}") from None


@contextlib.asynccontextmanager
async def running_prometheus(config: dict[str, Any], folder: Path) -> AsyncIterator[Prometheus]:
    """Start one in an empty `folder`, ready when entered."""
    address = f"127.0.0.1:{free_port()}"
    folder.mkdir()
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    log = folder / "log"
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    with logged_process(command, log) as process:
        async with httpx.AsyncClient(trust_env=False) as http:

            async def ready() -> bool:
                assert process.poll() is None, log.read_text()
                with contextlib.suppress(httpx.TransportError):
                    return (await http.get(f"http://{address}/-/ready")).is_success
                return False

            await eventually("Prometheus is ready", ready, START_SECONDS)
            yield Prometheus(address, http)
