"""Which events a viewer gets, and when."""

from dataclasses import replace
from itertools import pairwise

from control.events.viewer_streams import ViewerStream
from control.events.viewer_text import (
    EVENTS,
    events_of_stream,
    layers_data,
    moves_at,
    new_stream_name,
    states,
    steady_layers,
)
from control.workers.cluster_rooms import ClusterRoom
from shared.messages.status import LayerStatus, RoomStatus
from shared.names import RoomName, SessionId

ALL = frozenset(EVENTS)
WORKER = "w1"
LIVE = RoomStatus(name="demo", has_publisher=True, tracks=2, subscribers=3)
AWAY = replace(LIVE, has_publisher=False)
BEST = LayerStatus(rid="f", bitrate=1_000_000, width=1280, height=720, viewers=3)
LEAST = LayerStatus(rid="q", bitrate=100_000, width=320, height=180)
BOTH = (BEST, LEAST)


class Viewer:
    """One that reads what it is told."""

    def __init__(self, wanted: frozenset[str] = ALL, picture: int | None = 1) -> None:
        session = SessionId("w1.AAAAAAAAAAAAAAAAAAAAAA")
        self._stream = ViewerStream("", RoomName("demo"), session, "", wanted, picture)

    def show(self, status: RoomStatus | None, *, moves: bool = False) -> None:
        room = None if status is None else ClusterRoom(status, (WORKER,))
        self._stream.show_all([*states(room, WORKER, self._stream.picture, moves=moves)])

    async def hears(self, status: RoomStatus | None, *, moves: bool = False) -> str:
        self.show(status, moves=moves)
        return b"".join([text async for text in self._stream._news()]).decode()


async def test_a_stream_begins_with_what_is() -> None:
    assert await Viewer().hears(LIVE) == (
        'event: active\ndata: {}\n\nevent: viewercount\ndata: {"viewercount":3}\n\n'
    )


async def test_it_never_begins_with_inactive() -> None:
    for nobody in (None, replace(AWAY, subscribers=0)):
        viewer = Viewer()
        viewer.show(replace(LIVE, subscribers=0))  # which it has not read yet
        assert await viewer.hears(nobody) == 'event: viewercount\ndata: {"viewercount":0}\n\n'


async def test_then_it_tells_what_changes() -> None:
    viewer = Viewer()
    await viewer.hears(LIVE)
    assert await viewer.hears(LIVE) == ""
    assert await viewer.hears(AWAY) == "event: inactive\ndata: {}\n\n"
    assert await viewer.hears(LIVE) == "event: active\ndata: {}\n\n"


async def test_who_reads_slowly_is_told_the_outcome() -> None:
    viewer = Viewer()
    await viewer.hears(LIVE)
    viewer.show(AWAY)
    assert await viewer.hears(LIVE) == ""
    viewer.show(LIVE)
    assert await viewer.hears(AWAY) == "event: inactive\ndata: {}\n\n"


async def test_layers_are_told_to_who_gets_a_picture_when_they_change() -> None:
    layered = replace(LIVE, layers=(LayerStatus(rid="f", bitrate=1_000_000),))
    told = 'event: layers\ndata: {"2":[{"rid":"f","bitrate":1000000}]}\n\n'
    viewer, listener = Viewer(picture=2), Viewer(picture=None)
    for each in (viewer, listener):
        await each.hears(LIVE)
    assert await viewer.hears(layered) == told
    assert await Viewer(frozenset({"layers"}), 2).hears(layered) == told
    assert await viewer.hears(layered) == ""
    assert await listener.hears(layered) == ""
    assert await viewer.hears(LIVE) == 'event: layers\ndata: {"2":[]}\n\n'


async def test_the_delay_is_told_when_it_changes_and_when_nobody_knows_it_any_more() -> None:
    late, viewer = replace(LIVE, delay=0.083), Viewer()
    await viewer.hears(LIVE)
    assert await viewer.hears(late) == 'event: delay\ndata: {"delay":0.083}\n\n'
    assert await viewer.hears(late) == ""
    assert await viewer.hears(LIVE) == 'event: delay\ndata: {"delay":null}\n\n'


async def test_a_viewer_is_asked_once_to_move_and_again_at_the_next_drain() -> None:
    viewer = Viewer()
    await viewer.hears(LIVE)
    for _ in range(2):
        assert await viewer.hears(LIVE, moves=True) == "event: reconnect\ndata: {}\n\n"
        assert await viewer.hears(LIVE, moves=True) == ""
        assert await viewer.hears(LIVE) == ""
    assert await viewer.hears(AWAY, moves=True) == "event: inactive\ndata: {}\n\n"  # no room to move to


async def test_only_what_is_wanted_is_told() -> None:
    moving = replace(AWAY, subscribers=2)
    viewer, deaf = Viewer(frozenset({"inactive"})), Viewer(frozenset())
    for each in (viewer, deaf):
        assert await each.hears(LIVE) == ""
    assert await viewer.hears(moving, moves=True) == "event: inactive\ndata: {}\n\n"
    assert await deaf.hears(moving, moves=True) == ""


def test_a_stream_s_name_holds_what_it_is_for() -> None:
    for wanted in (ALL, frozenset({"reconnect"}), frozenset[str]()):
        assert events_of_stream(new_stream_name(wanted)) == wanted
    assert new_stream_name(ALL) != new_stream_name(ALL)
    assert events_of_stream("xyz") is None
    assert events_of_stream("airv-AAAAAAAAAAA/..") is None


def test_viewers_move_spread_over_the_time_of_the_drain_and_well_before_its_end() -> None:
    times = sorted(moves_at(f"w1.{number}", 100.0, 200.0) for number in range(1000))
    assert times[0] >= 100
    assert times[-1] <= 160
    assert max(later - earlier for earlier, later in pairwise(times)) < 1.0


def test_a_bit_rate_that_wavers_is_not_told() -> None:
    for bitrate in (760_000, 1_000_000, 1_240_000):
        assert steady_layers(BOTH, (replace(BEST, bitrate=bitrate, viewers=9), LEAST)) is BOTH


def test_a_drift_is_told_once_it_has_gone_far() -> None:
    told, times = BOTH, 0
    for percent in range(100, 301):
        now = (replace(BEST, bitrate=percent * 10_000), LEAST)
        before, told = told, steady_layers(told, now)
        times += told is not before
    assert 3 <= times <= 5


def test_what_begins_stops_or_has_another_size_is_told() -> None:
    for other in (
        (replace(BEST, bitrate=0), LEAST),
        (replace(BEST, bitrate=2_000_000), LEAST),
        (replace(BEST, width=640, height=360), LEAST),
        (BEST,),
        (),
    ):
        assert steady_layers(BOTH, other) == other
        assert steady_layers(other, BOTH) == BOTH


def test_a_layer_that_nobody_sends_has_no_bit_rate_and_one_without_keyframe_no_size() -> None:
    assert layers_data(0, (replace(BEST, bitrate=0), LayerStatus(rid="q", bitrate=123_456))) == {
        "0": [{"rid": "f", "width": 1280, "height": 720}, {"rid": "q", "bitrate": 120_000}]
    }
