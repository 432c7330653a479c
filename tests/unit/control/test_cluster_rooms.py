"""Rooms put together from what each worker says."""

from control.cluster_rooms import ClusterRoom, cluster_rooms
from shared.messages import RoomStatus, WorkerState, WorkerStatus


def worker(name: str, *rooms: RoomStatus) -> WorkerStatus:
    return WorkerStatus(id=name, state=WorkerState.READY, http_url="", rooms=rooms)


def room(name: str, has_publisher: bool, subscribers: int, **more: int) -> RoomStatus:
    return RoomStatus(name=name, has_publisher=has_publisher, tracks=2, subscribers=subscribers, **more)


def test_a_room_on_several_workers_is_one_room() -> None:
    rooms = cluster_rooms(
        [
            worker("edge", room("b", False, 10), room("a", True, 1)),
            worker("home", room("b", True, 5, bitrate=9, rx_bytes=100, rx_packets=3)),
        ]
    )
    assert rooms == [
        ClusterRoom(room("a", True, 1), ("edge",)),
        ClusterRoom(room("b", True, 15, bitrate=9, rx_bytes=100, rx_packets=3), ("edge", "home")),
    ]


def test_a_room_in_its_grace_time_has_no_publisher() -> None:
    assert not cluster_rooms([worker("w", room("a", False, 3))])[0].status.has_publisher
