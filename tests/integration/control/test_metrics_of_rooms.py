"""Series of single rooms are for small clusters: in large ones the workers have them."""

import pytest

from control import metrics
from tests.integration.control.conftest import StartControl, StartWorker


async def test_many_rooms_are_left_to_the_workers(
    start_control: StartControl, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MAX_ROOMS_WITH_SERIES", 1)
    worker, http = await start_worker(), await start_control()
    for rooms in (1, 2):
        await worker.publish_in(f"room{rooms}")
        await http.get("/api/rooms")  # which takes what is new
        text = (await http.get("/metrics")).text
        assert f"live_rooms {rooms}.0" in text
        assert f"roomcast_rooms_without_series {0 if rooms == 1 else 2}.0" in text
        assert ('{room="room1"}' in text) == (rooms == 1)
