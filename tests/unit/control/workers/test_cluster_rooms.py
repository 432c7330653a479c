"""Rooms put together from what each worker says."""

from typing import Any

from control.workers.cluster_rooms import ClusterRoom, cluster_rooms
from shared.messages.status import LayerStatus, RoomStatus, WorkerState, WorkerStatus


def worker(name: str, *rooms: RoomStatus) -> WorkerStatus:
    return WorkerStatus(id=name, state=WorkerState.READY, http_url="", rooms=rooms)


def room(name: str, has_publisher: bool, subscribers: int, **more: Any) -> RoomStatus:
    return RoomStatus(name=name, has_publisher=has_publisher, tracks=2, subscribers=subscribers, **more)


def test_a_room_on_several_workers_is_one_room() -> None:
    rooms = cluster_rooms(
        [
            worker("edge", room("b", False, 10, origin="home"), room("a", True, 1)),
            worker("home", room("b", True, 5, bitrate=9, rx_bytes=100, rx_packets=3)),
        ]
    )
    assert rooms == [
        ClusterRoom(room("a", True, 1), ("edge",)),
        ClusterRoom(room("b", True, 15, bitrate=9, rx_bytes=100, rx_packets=3), ("edge", "home")),
    ]


def test_a_room_in_its_grace_time_has_no_publisher() -> None:
    assert not cluster_rooms([worker("w", room("a", False, 3))])[0].status.has_publisher


def test_a_killed_worker_s_room_is_not_counted_beside_its_successor() -> None:
    dead = worker("dead", room("a", True, 7, started_at=1.0, rx_packets=900))
    edge = worker("edge", room("a", False, 2, origin="dead"))
    heir = worker("heir", room("a", True, 1, started_at=2.0, rx_packets=3))
    assert cluster_rooms([dead, edge, heir]) == [
        ClusterRoom(room("a", True, 3, started_at=2.0, rx_packets=3), ("edge", "heir"))
    ]


def test_a_layer_s_viewers_are_those_of_all_workers_and_the_rest_is_its_origin_s() -> None:
    home = room("a", True, 2, layers=(LayerStatus(rid="f", bitrate=9, height=720, viewers=2),))
    copies = (LayerStatus(rid="f", bitrate=5, viewers=3), LayerStatus(rid="old", viewers=1))
    edge = room("a", False, 4, origin="home", layers=copies, viewers_by_reason={"line": 4})
    [merged] = cluster_rooms([worker("edge", edge), worker("home", home)])
    assert merged.status.layers == (LayerStatus(rid="f", bitrate=9, height=720, viewers=5),)
    assert merged.status.viewers_by_reason == {"line": 4}
