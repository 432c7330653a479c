"""A check of a line is no room that anybody hears of, nor is one that is not listed."""

from collections.abc import Callable, Iterable

import pytest
from prometheus_client.core import Metric

from media.rooms.policy import Policy
from media.rooms.rooms import Rooms
from media.worker.metrics.room_details import room_detail_metrics
from media.worker.metrics.rooms import room_metrics
from shared.messages.room_settings import RoomSettings
from shared.names import RoomName, check_name
from tests.support.series import series_of
from tests.support.still_room import new_rooms, open_room


@pytest.mark.parametrize("metrics", [room_metrics, room_detail_metrics])
def test_it_has_no_series(metrics: Callable[[Rooms, int], Iterable[Metric]]) -> None:
    rooms: Rooms = new_rooms(Policy(lambda room: RoomSettings(room=room, listed=room != "unlisted")))
    check = check_name(RoomName("demo"), "somebody")
    for name in ("demo", check, "unlisted"):
        open_room(rooms, name)
    labels = {label for key in series_of(metrics(rooms, 0)) for label in key[1:]}
    assert "demo" in labels
    assert not labels & {check, "unlisted"}


def test_it_is_not_left_out_either() -> None:
    rooms: Rooms = new_rooms()
    open_room(rooms, check_name(RoomName("demo"), "somebody"))
    assert series_of(room_detail_metrics(rooms, 1))["roomcast_rooms_left_out",] == 0
