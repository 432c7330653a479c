"""When viewers are told of layers anew."""

from dataclasses import replace

from control.events.layers import layers_data, steady
from shared.messages.status import LayerStatus

BEST = LayerStatus(rid="f", bitrate=1_000_000, width=1280, height=720, viewers=3)
LEAST = LayerStatus(rid="q", bitrate=100_000, width=320, height=180)
BOTH = (BEST, LEAST)


def test_a_bit_rate_that_wavers_is_not_told() -> None:
    for bitrate in (760_000, 1_000_000, 1_240_000):
        assert steady(BOTH, (replace(BEST, bitrate=bitrate, viewers=9), LEAST)) is BOTH


def test_a_drift_is_told_once_it_has_gone_far() -> None:
    told, times = BOTH, 0
    for percent in range(100, 301):
        now = (replace(BEST, bitrate=percent * 10_000), LEAST)
        before, told = told, steady(told, now)
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
        assert steady(BOTH, other) == other
        assert steady(other, BOTH) == BOTH


def test_a_layer_that_nobody_sends_has_no_bit_rate_and_one_without_keyframe_no_size() -> None:
    assert layers_data(0, (replace(BEST, bitrate=0), LayerStatus(rid="q", bitrate=123_456))) == {
        "0": [{"rid": "f", "width": 1280, "height": 720}, {"rid": "q", "bitrate": 120_000}]
    }
