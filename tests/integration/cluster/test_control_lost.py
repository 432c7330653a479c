"""The loss of all control is an alert in a real Prometheus, with the rules of deploy/, unchanged."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.cluster.test_prometheus import IN_TIME, INTERVAL, cluster_config
from tests.support.prometheus import running_prometheus
from tests.support.system import running_system

FIRES_SECONDS = 90.0  # a minute, as the alert says, and a scrape
FIRING = 'count by (alertname) (ALERTS{alertstate="firing", alertname=~"Roomcast(ControlLost|ControlDown)"})'


@pytest.mark.soak
@pytest.mark.parametrize("discovered", [False, True], ids=["gone from discovery", "still discovered"])
async def test_the_loss_of_all_control_fires(redis_url: str, tmp_path: Path, discovered: bool) -> None:
    """Where nothing is discovered any more there is no `up` that could be 0."""
    async with running_system(redis_url, controls=2, workers=1, metrics_apart=True) as system:
        targets = tmp_path / "control.json"
        found = [{"targets": [urlsplit(member.metrics_url).netloc for member in system.controls]}]
        targets.write_text(json.dumps(found))
        config = cluster_config(system)
        control = config["scrape_configs"][1]
        assert control["job_name"] == "roomcast-control"
        del control["static_configs"]
        control["file_sd_configs"] = [{"files": [str(targets)], "refresh_interval": INTERVAL}]
        async with running_prometheus(config, tmp_path / "prometheus") as prometheus:
            up = "count by (job) (up == 1)"
            await prometheus.comes_to(up, {("roomcast-control",): 2, ("roomcast-worker",): 1}, IN_TIME)
            assert await prometheus.ask(FIRING) == {}
            for member in system.controls:
                member.kill()
            if not discovered:
                targets.write_text("[]")
            expected = {("RoomcastControlLost",): 1.0}
            if discovered:
                expected["RoomcastControlDown",] = 2.0
            await prometheus.comes_to(FIRING, expected, FIRES_SECONDS)
            # what else can be seen without control is still seen
            await prometheus.comes_to("count by (job) (up == 1)", {("roomcast-worker",): 1}, IN_TIME)
