"""A check of a line is no room that anybody hears of, nor is one that is not listed."""

from collections.abc import Callable, Iterable

import pytest
from prometheus_client.core import Metric

from media.rooms.policy import Policy
from media.rooms.rooms import Rooms
from media.worker.metrics.room_details import room_detail_metrics
from media.worker.metrics.rooms import room_metrics
from shared.messages.room_settings import RoomSettings
from shared.names import RoomName, new_check
from tests.support.still_room import new_rooms, open_room


def _labels(metrics: Iterable[Metric]) -> set[str]:
    return {label for metric in metrics for one in metric.samples for label in one.labels.values()}


@pytest.mark.parametrize("metrics", [room_metrics, room_detail_metrics])
def test_it_has_no_series(metrics: Callable[[Rooms, int], Iterable[Metric]]) -> None:
    rooms: Rooms = new_rooms(Policy(lambda room: RoomSettings(room=room, listed=room != "unlisted")))
    check = new_check(RoomName("demo"))
    for name in ("demo", check, "unlisted"):
        open_room(rooms, name)
    labels = _labels(metrics(rooms, 0))
    assert "demo" in labels
    assert not labels & {check, "unlisted"}


def test_it_is_not_left_out_either() -> None:
    rooms: Rooms = new_rooms()
    open_room(rooms, new_check(RoomName("demo")))
    left_out = [
        one.value
        for metric in room_detail_metrics(rooms, 1)
        for one in metric.samples
        if one.name == "roomcast_rooms_left_out"
    ]
    assert left_out == [0]
