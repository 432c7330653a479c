"""Which events a viewer gets, and when."""

from dataclasses import replace
from itertools import pairwise

from control.events.text import (
    EVENTS,
    RoomView,
    changes,
    events_of_stream,
    layers_data,
    moves_at,
    new_stream_name,
    steady_layers,
)
from shared.messages.status import LayerStatus

ALL = frozenset(EVENTS)
LIVE = RoomView(active=True, viewers=3)
BEST = LayerStatus(rid="f", bitrate=1_000_000, width=1280, height=720, viewers=3)
LEAST = LayerStatus(rid="q", bitrate=100_000, width=320, height=180)
BOTH = (BEST, LEAST)


def test_a_stream_begins_with_what_is() -> None:
    told = list(changes(None, LIVE, ALL, 1))
    assert told == ["event: active\ndata: {}\n\n", 'event: viewercount\ndata: {"viewercount":3}\n\n']


def test_it_never_begins_with_inactive() -> None:
    told = list(changes(None, RoomView(active=False, viewers=0), ALL, 1))
    assert told == ['event: viewercount\ndata: {"viewercount":0}\n\n']


def test_then_it_tells_what_changes() -> None:
    assert list(changes(LIVE, LIVE, ALL, 1)) == []
    gone = RoomView(active=False, viewers=3)
    assert list(changes(LIVE, gone, ALL, 1)) == ["event: inactive\ndata: {}\n\n"]
    assert list(changes(gone, LIVE, ALL, 1)) == ["event: active\ndata: {}\n\n"]


def test_layers_are_told_to_who_gets_a_picture_when_they_change() -> None:
    layered = replace(LIVE, layers=(LayerStatus(rid="f", bitrate=1_000_000),))
    told = 'event: layers\ndata: {"2":[{"rid":"f","bitrate":1000000}]}\n\n'
    assert list(changes(LIVE, layered, ALL, 2)) == [told]
    assert list(changes(None, layered, frozenset({"layers"}), 2)) == [told]
    assert list(changes(layered, layered, ALL, 2)) == []
    assert list(changes(LIVE, layered, ALL, None)) == []
    assert list(changes(layered, LIVE, ALL, 2)) == ['event: layers\ndata: {"2":[]}\n\n']


def test_the_delay_is_told_when_it_changes_and_when_nobody_knows_it_any_more() -> None:
    late = replace(LIVE, delay=0.083)
    assert list(changes(LIVE, late, ALL, 1)) == ['event: delay\ndata: {"delay":0.083}\n\n']
    assert list(changes(late, late, ALL, 1)) == []
    assert list(changes(late, LIVE, ALL, 1)) == ['event: delay\ndata: {"delay":null}\n\n']


def test_a_viewer_is_asked_once_to_move() -> None:
    moving = RoomView(active=True, viewers=3, reconnect=True)
    assert list(changes(LIVE, moving, ALL, 1)) == ["event: reconnect\ndata: {}\n\n"]
    assert list(changes(moving, moving, ALL, 1)) == []


def test_only_what_is_wanted_is_told() -> None:
    moving = RoomView(active=False, viewers=2, reconnect=True)
    assert list(changes(LIVE, moving, frozenset({"inactive"}), 1)) == ["event: inactive\ndata: {}\n\n"]
    assert list(changes(LIVE, moving, frozenset(), 1)) == []


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
