"""Rooms put together from what each worker says."""

from typing import Any

from control.workers.cluster_rooms import ClusterRoom, Copy, cluster_room
from shared.messages.status import LayerStatus, RoomStatus


def room(name: str, has_publisher: bool, subscribers: int, **more: Any) -> RoomStatus:
    return RoomStatus(name=name, has_publisher=has_publisher, tracks=2, subscribers=subscribers, **more)


def merged(*parts: tuple[str, RoomStatus]) -> ClusterRoom:
    found = cluster_room(parts[0][1].name, parts)
    assert found is not None
    return found


def test_a_room_on_several_workers_is_one_room() -> None:
    home = room("b", True, 5, bitrate=9, rx_bytes=100, rx_packets=3)
    assert merged(("edge", room("b", False, 10, origin="home", tier=1)), ("home", home)) == ClusterRoom(
        room("b", True, 15, bitrate=9, rx_bytes=100, rx_packets=3),
        ("edge", "home"),
        (Copy("edge", "home", 1, 10),),
    )


def test_a_room_on_no_worker_is_none() -> None:
    assert cluster_room("b", []) is None


def test_a_room_in_its_grace_time_has_no_publisher() -> None:
    assert not merged(("w", room("a", False, 3))).status.has_publisher


def test_a_killed_worker_s_room_is_not_counted_beside_its_successor() -> None:
    dead = ("dead", room("a", True, 7, started_at=1.0, rx_packets=900))
    edge = ("edge", room("a", False, 2, origin="dead", tier=1))
    heir = ("heir", room("a", True, 1, started_at=2.0, rx_packets=3))
    assert merged(dead, edge, heir) == ClusterRoom(
        room("a", True, 3, started_at=2.0, rx_packets=3), ("edge", "heir"), (Copy("edge", "dead", 1, 2),)
    )


def test_a_layer_s_viewers_are_those_of_all_workers_and_the_rest_is_its_origin_s() -> None:
    home = room("a", True, 2, layers=(LayerStatus(rid="f", bitrate=9, height=720, viewers=2),))
    copies = (LayerStatus(rid="f", bitrate=5, viewers=3), LayerStatus(rid="old", viewers=1))
    edge = room("a", False, 4, origin="home", layers=copies, viewers_by_reason={"line": 4})
    status = merged(("edge", edge), ("home", home)).status
    assert status.layers == (LayerStatus(rid="f", bitrate=9, height=720, viewers=5),)
    assert status.viewers_by_reason == {"line": 4}


def test_what_its_copies_warn_of_is_told_once_behind_its_origin_s_warnings() -> None:
    edges = [(name, room("a", False, 1, origin="w2", warnings=("lost", "codec"))) for name in ("w1", "w3")]
    status = merged(*edges, ("w2", room("a", True, 1, warnings=("keyframes", "codec")))).status
    assert status.warnings == ("keyframes", "codec", "lost")


def test_its_copies_are_listed_from_the_publisher_on() -> None:
    second, first = room("a", False, 4, origin="w3", tier=2), room("a", False, 2, origin="w2", tier=1)
    found = merged(("w1", second), ("w3", first), ("w2", room("a", True, 1)))
    assert found.copies == (Copy("w3", "w2", 1, 2), Copy("w1", "w3", 2, 4))


def test_media_is_as_old_as_the_worker_of_a_viewer_says() -> None:
    home, edge = room("a", True, 1, delay=0.05), room("a", False, 2, origin="w2", tier=1, delay=0.2)
    found = merged(("w1", edge), ("w2", home))
    assert [found.delay(worker) for worker in ("w1", "w2")] == [0.2, 0.05]
    assert merged(("w1", room("a", True, 1))).delay("w1") is None
