"""What a process of another version may say, and what it may not."""

import pytest

from shared.messages.encoding import DecodeError, encode, pack, read, to_map
from shared.messages.status import LayerStatus, RoomStatus

ROOM = RoomStatus(
    name="demo", has_publisher=True, tracks=2, subscribers=5, layers=(LayerStatus(rid="h", width=640),)
)
MAP = to_map(ROOM)


def test_fields_that_this_version_does_not_know_are_passed_over() -> None:
    newer = MAP | {"added": {"deep": [1]}, "layers": [MAP["layers"][0] | {"added": "by the next version"}]}
    assert read(RoomStatus, pack(newer)) == read(RoomStatus, encode(ROOM)) == ROOM


def test_fields_with_a_default_may_be_missing() -> None:
    older = {name: MAP[name] for name in ("name", "has_publisher", "tracks", "subscribers")}
    assert read(RoomStatus, pack(older | {"layers": [{"rid": "h", "width": 640}]})) == ROOM
    assert read(RoomStatus, pack(older)).layers == ()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"name": "demo"}, id="without a field that it needs"),
        pytest.param(MAP | {"tracks": "two"}, id="with a field of another type"),
        pytest.param(MAP | {"subscribers": -1}, id="with a number out of bounds"),
        pytest.param([*MAP.values()], id="as a list"),
        pytest.param(None, id="as nothing"),
    ],
)
def test_another_shape_is_refused(other: object) -> None:
    with pytest.raises(DecodeError):
        read(RoomStatus, pack(other))
