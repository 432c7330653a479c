"""Who gets the metrics: one spelling of their paths, and with `METRICS_ADDR` one listener only."""

import httpx
import pytest

from control import metrics
from control.server import make_server
from control.workers.cluster import Cluster
from control.workers.redis_watch import RedisWatch
from control.workers.room_list import RoomList
from shared.bus.connection import connect
from shared.bus.redis_clock import RedisClock
from shared.directory.directory import Directory
from shared.http.server import listen
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.settings.host_port import HostPort
from shared.settings.settings import SettingsError, load_settings
from tests.integration.control.conftest import Stage
from tests.support.free_ports import free_port

SCRAPED = ("/metrics", "/api/metrics/targets")


async def test_another_spelling_of_the_path_is_another_resource(stage: Stage) -> None:
    """A proxy that refuses `/metrics` refuses the metrics."""
    http = await stage.control()
    for path in (
        *("/%6detrics", "/%6Detrics", "/metrics%0a", "/api/%6detrics/targets", "/%61pi/metrics/targets"),
        *("/api/metrics/targets%0A", "/api%2fmetrics%2ftargets"),
    ):
        assert (await http.get(path)).status_code == 404, path
    for scraped in SCRAPED:
        assert (await http.get(f"{scraped}?x=/%6detrics")).status_code == 200


async def test_with_an_address_of_their_own_metrics_are_there_and_nowhere_else(stage: Stage) -> None:
    await stage.worker("w1")
    address = HostPort("127.0.0.1", free_port())
    public = await stage.control(metrics_addr=address, admin_token="secret-of-admin")
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


async def test_many_rooms_are_left_to_the_workers(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_ROOMS_WITH_SERIES", 1)
    worker, http = await stage.worker(), await stage.control()
    for rooms in (1, 2):
        await worker.publish_in(f"room{rooms}")
        await http.get("/api/rooms")  # which takes what is new
        text = (await http.get("/metrics")).text
        assert f"live_rooms {rooms}.0" in text
        assert f"roomcast_rooms_without_series {0 if rooms == 1 else 2}.0" in text
        assert ('{room="room1"}' in text) == (rooms == 1)


async def test_a_process_that_has_just_begun_leaves_them_out_too(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MAX_ROOMS_WITH_SERIES", 2)
    async with connect(redis_url) as redis:
        directory, watch = Directory(redis), RedisWatch(redis)
        rooms = RoomList(directory, Cluster(directory, watch, RedisClock(redis)), watch)
        names = ("a", "b", "c")
        status = WorkerStatus(id="w1", state=WorkerState.READY, http_url="")
        await directory.beat(
            status, [], [RoomStatus(name=name, has_publisher=True, tracks=1, subscribers=0) for name in names]
        )
        text = (await metrics.cluster_exposition([], [], redis, rooms, lambda _: True)).decode()
    assert "live_rooms 3.0" in text
    assert "roomcast_rooms_without_series 3.0" in text
    assert "{room=" not in text
