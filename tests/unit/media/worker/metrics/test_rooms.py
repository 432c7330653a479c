"""The layers of rooms as series."""

from types import SimpleNamespace
from typing import Any

from media.worker.metrics.rooms import room_metrics
from shared.messages.status import LayerStatus, RoomStatus
from tests.support.series import series_of


def series(*statuses: RoomStatus, most: int = 0) -> dict[tuple[str, ...], float]:
    rooms: Any = SimpleNamespace(
        statuses=lambda: statuses,
        largest=lambda most: statuses[: most or len(statuses)],
        is_listed=lambda name: name != "unlisted",
    )
    return series_of(room_metrics(rooms, most))


def room(name: str, **more: Any) -> RoomStatus:
    return RoomStatus(name=name, has_publisher=True, tracks=2, subscribers=3, **more)


def test_layers_are_counted_by_rank_whatever_their_publisher_calls_them() -> None:
    layers = (
        LayerStatus(rid='"}', bitrate=900, viewers=2),
        LayerStatus(rid="q", bitrate=100, viewers=1),
    )
    found = series(room("a", layers=layers, viewers_by_reason={"full": 2, "line": 1}), room("b"))
    assert found["roomcast_layer_bitrate", "a", "0"] == 900
    assert found["roomcast_layer_bitrate", "a", "1"] == 100
    assert found["roomcast_layer_viewers", "a", "0"] == 2
    assert found["roomcast_layer_viewers", "a", "1"] == 1
    assert not [key for key in found if key[0].startswith("roomcast_layer") and key[1] == "b"]


def test_viewers_are_counted_by_reason_over_all_rooms() -> None:
    found = series(
        room("a", viewers_by_reason={"full": 2, "line": 1}), room("b", viewers_by_reason={"full": 1})
    )
    assert found["roomcast_viewers", "full"] == 3
    assert found["roomcast_viewers", "line"] == 1
    assert found["roomcast_viewers", "choice"] == 0


def test_the_bit_rate_of_a_copy_is_its_origin_s_to_tell() -> None:
    found = series(room("a", layers=(LayerStatus(rid="f", bitrate=9, viewers=4),), origin="w2"))
    assert ("roomcast_layer_bitrate", "a", "0") not in found
    assert found["roomcast_layer_viewers", "a", "0"] == 4


def test_layers_of_small_rooms_are_left_out_and_their_viewers_are_not() -> None:
    layers = (LayerStatus(rid="f", bitrate=9, viewers=4),)
    found = series(room("large", layers=layers), room("small", layers=layers), most=1)
    assert {key[1] for key in found if key[0].startswith("roomcast_layer")} == {"large"}
    assert {key[1] for key in found if key[0] == "live_subscribers"} == {"large", "small"}
