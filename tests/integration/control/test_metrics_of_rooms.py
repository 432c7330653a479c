"""Series of single rooms are for small clusters: in large ones the workers have them."""

import pytest

from control import metrics
from control.workers.cluster import Cluster
from control.workers.redis_watch import RedisWatch
from control.workers.room_facts import summary_json
from control.workers.room_list import RoomList
from shared.bus.connection import connect
from shared.bus.redis_clock import RedisClock
from shared.directory.directory import Directory
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from tests.integration.control.conftest import Stage


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
        rooms = RoomList(directory, Cluster(directory, watch, RedisClock(redis)), watch, summary_json)
        names = ("a", "b", "c")
        status = WorkerStatus(id="w1", state=WorkerState.READY, http_url="")
        await directory.beat(
            status, [], [RoomStatus(name=name, has_publisher=True, tracks=1, subscribers=0) for name in names]
        )
        text = b"".join(await metrics.rooms_exposition(rooms)).decode()
    assert "live_rooms 3.0" in text
    assert "roomcast_rooms_without_series 3.0" in text
    assert "{room=" not in text
