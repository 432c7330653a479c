"""When a room's record is written anew, and how writers and readers notice that some are missing."""

from dataclasses import replace

import pytest

from shared.directory.room_records import ANEW, TRAFFIC_SECONDS, Change, RoomRecords, read_change
from shared.messages.encoding import DecodeError, pack, read
from shared.messages.status import LayerStatus, RoomStatus

LAYER = LayerStatus(rid="f", bitrate=2_000_000, width=1280, height=720, viewers=3)
ROOM = RoomStatus(
    name="demo", has_publisher=True, tracks=2, subscribers=5, bitrate=3_000_000, rx_bytes=1, layers=(LAYER,)
)
OTHER = replace(ROOM, name="other")


@pytest.fixture
def told() -> RoomRecords:
    """Both rooms are told at 0."""
    records = RoomRecords("w1", "p")
    assert records.change([ROOM, OTHER], 0.0).before == ANEW
    return records


def test_the_first_change_has_everything() -> None:
    records = RoomRecords("w1", "p")
    change = records.change([ROOM, OTHER], 0.0)
    assert (change.worker, change.before, change.version) == ("w1", ANEW, "p:1")
    assert {name: read(RoomStatus, record or b"") for name, record in change.records.items()} == {
        "demo": ROOM,
        "other": OTHER,
    }


def test_nothing_changes_and_the_version_stays(told: RoomRecords) -> None:
    assert told.change([ROOM, OTHER], 1.0) == Change("w1", "p:1", "p:1", {})


@pytest.mark.parametrize(
    "now",
    [
        replace(ROOM, subscribers=6),
        replace(ROOM, has_publisher=False),
        replace(ROOM, warnings=("disk full",)),
        replace(ROOM, viewers_by_reason={"line": 1}),
        replace(ROOM, bitrate=0),
        replace(ROOM, still_at=7.0),  # the first picture
        replace(ROOM, bitrate=9_000_000),
        replace(ROOM, layers=(replace(LAYER, viewers=2),)),
        replace(ROOM, layers=(replace(LAYER, bitrate=0),)),
        replace(ROOM, layers=()),
    ],
)
def test_what_changed_is_told_at_once_and_alone(told: RoomRecords, now: RoomStatus) -> None:
    change = told.change([now, OTHER], 0.1)
    assert (change.before, change.version) == ("p:1", "p:2")
    assert change.records.keys() == {"demo"}
    assert read(RoomStatus, change.records["demo"] or b"") == now


def test_traffic_alone_is_told_now_and_then(told: RoomRecords) -> None:
    flowing = replace(ROOM, rx_bytes=999, rx_packets=9, bitrate=2_900_000)
    assert told.change([flowing, OTHER], TRAFFIC_SECONDS - 0.1).records == {}
    assert told.change([flowing, OTHER], TRAFFIC_SECONDS).records.keys() == {"demo"}
    assert told.change([replace(flowing, rx_bytes=1000), OTHER], TRAFFIC_SECONDS + 1).records == {}


def test_who_had_nothing_to_tell_is_looked_at_again_as_much_later(told: RoomRecords) -> None:
    assert told.change([ROOM, OTHER], TRAFFIC_SECONDS).records == {}
    flowing = replace(ROOM, rx_bytes=999)
    for seconds, names in ((0.1, set()), (TRAFFIC_SECONDS, {"demo"})):
        assert told.change([flowing, OTHER], TRAFFIC_SECONDS + seconds).records.keys() == names


def test_a_room_that_ended_is_told(told: RoomRecords) -> None:
    assert told.change([OTHER], 1.0).records == {"demo": None}
    assert told.change([OTHER], 2.0).records == {}


def test_of_some_rooms_only_those_are_told(told: RoomRecords) -> None:
    change = told.change([replace(ROOM, subscribers=9)], 1.0, of={"demo", "never was"})
    assert change.records.keys() == {"demo"}
    assert told.change([], 2.0, of={"other"}).records == {"other": None}
    assert told.change([], 3.0, of=set()).records == {}


def test_after_a_loss_everything_is_told_again(told: RoomRecords) -> None:
    told.lost()
    change = told.change([replace(ROOM, subscribers=9)], 1.0, of={"demo"})
    assert (change.before, change.version, set(change.records)) == (ANEW, "p:2", {"demo", "other"})
    assert told.change([replace(ROOM, subscribers=9), OTHER], 1.0).before == "p:2"


def test_a_change_is_read_as_it_was_packed(told: RoomRecords) -> None:
    change = told.change([OTHER], 1.0)
    assert read_change(change.packed()) == change


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        *(pack(value) for value in (None, [], ["w1"], ["w1", "a", "b", {"r": 5}], ["w1", "a", "b", [1]])),
        pack(["w1", "a", "b", {b"r": None}]),
        pack(["w1", "a", 5, {}]),
    ],
)
def test_what_is_no_change_is_one_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        read_change(data)
