"""Who gets the metrics: one spelling of their paths, and with `METRICS_ADDR` one listener only."""

import httpx
import pytest

from control.server import make_server
from shared.http.server import listen
from shared.settings.host_port import HostPort
from shared.settings.setting_values import SettingsError
from shared.settings.settings import load_settings
from tests.integration.control.conftest import Stage
from tests.support.free_ports import free_port

SCRAPED = ("/metrics", "/api/metrics/targets")


@pytest.mark.parametrize(
    "path",
    [
        "/%6detrics",
        "/%6Detrics",
        "/metrics%0a",
        "/api/%6detrics/targets",
        "/%61pi/metrics/targets",
        "/api/metrics/targets%0A",
        "/api%2fmetrics%2ftargets",
    ],
)
async def test_another_spelling_of_the_path_is_another_resource(stage: Stage, path: str) -> None:
    """A proxy that refuses `/metrics` refuses the metrics."""
    http = await stage.control()
    assert (await http.get(path)).status_code == 404
    for scraped in SCRAPED:
        assert (await http.get(f"{scraped}?x={path}")).status_code == 200


async def test_with_an_address_of_their_own_metrics_are_there_and_nowhere_else(stage: Stage) -> None:
    await stage.worker("w1")
    address = HostPort("127.0.0.1", free_port())
    public = await stage.control(metrics_addr=address)
    async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as internal:
        for path in SCRAPED:
            assert (await public.get(path)).json() == {"error": "not found"}
            assert (await public.get(path)).status_code == 404
        lines = (await internal.get("/metrics")).text.splitlines()
        assert 'roomcast_workers{state="ready"} 1.0' in lines
        requests = 'roomcast_http_request_seconds_count{method="GET",route="-",status="404"}'
        assert f"{requests} 4.0" in lines  # of the other listener
        targets = (await internal.get("/api/metrics/targets")).json()
        assert [group["targets"] for group in targets] == [["w1.test:9100"]]
        for path in ("/", "/api/rooms", "/healthz", "/%6detrics"):
            assert (await internal.get(path)).status_code == 404
        assert (await internal.post("/metrics")).status_code == 405
    assert (await public.get("/readyz")).status_code == 200


def test_an_address_that_cannot_be_had_is_named() -> None:
    with listen("HTTP_ADDR", HostPort("127.0.0.1", 0)) as taken:
        address = HostPort("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(SettingsError, match=r"^METRICS_ADDR: cannot listen on 127\.0\.0\.1:\d+: "):
            make_server(load_settings(redis_url="redis://127.0.0.1:1", metrics_addr=address))
