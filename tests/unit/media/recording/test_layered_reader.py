"""A picture of three layers as one stream of frames; a packet of the test is a whole frame of VP8."""

from itertools import pairwise

import pytest

from media.recording.frame import Frame
from media.recording.layered_reader import SILENT_SECONDS, LayeredReader
from media.rtp.packet import parse
from media.tracks.source_report import SourceReport
from tests.support.far_end import rtp
from tests.support.runs import run_of

LAYERS = (4, 5, 6)  # numbers in the room; sound and another picture come before
RATE = 90_000
FRAME = 1 / 30
_KEY = b"\x10\x00\x00\x00\x9d\x01\x2a"  # descriptor, frame tag, start code (RFC 7741 4.2, RFC 6386 9.1)


class Picture:
    """Its layers, each with timestamps of its own; `frames` are what the reader made of them."""

    def __init__(self) -> None:
        self.reader = LayeredReader("VP8", RATE, LAYERS)
        self.now = 100.0
        self.frames: list[Frame] = []
        self._counts = dict.fromkeys(LAYERS, 0)

    def frame(self, *layers: int, key: bool = False) -> None:
        """Each of those layers sends one frame; then a thirtieth of a second passes."""
        for layer in layers:
            self._counts[layer] += 1
            size = (320 >> layer - LAYERS[0]).to_bytes(2, "little")
            payload = _KEY + size + size if key else b"\x10\x01\x00\x00"
            timestamp = round(self.now * RATE) + 1_000_000 * layer & 0xFFFFFFFF
            packet = parse(rtp(self._counts[layer], payload, timestamp=timestamp, marker=True))
            run = run_of(packet, track=layer, ssrc=layer, first=1_000 * layer + self._counts[layer])
            self.frames += self.reader.push(run, self.now)
        self.now += FRAME
        self.frames += self.reader.poll(self.now)

    def play(self, seconds: float, *layers: int) -> None:
        for _ in range(round(seconds / FRAME)):
            self.frame(*layers)

    @property
    def widths(self) -> list[int]:
        return [frame.setup.width for frame in self.frames if frame.setup]


@pytest.fixture
def picture() -> Picture:
    """It has begun with a keyframe of each layer."""
    picture = Picture()
    picture.frame(*LAYERS, key=True)
    return picture


def test_poorer_layers_are_left_out_while_the_best_comes(picture: Picture) -> None:
    picture.play(SILENT_SECONDS + 1, *LAYERS)
    picture.frame(*LAYERS[1:], key=True)
    assert picture.widths == [320]
    assert len(picture.frames) == round((SILENT_SECONDS + 1) / FRAME) + 1
    assert picture.reader.number == LAYERS[0]
    assert picture.reader.wanted(picture.now) == []


def test_the_next_layer_that_comes_stands_in_and_time_goes_on(picture: Picture) -> None:
    picture.play(1.0, *LAYERS)
    picture.play(SILENT_SECONDS + 0.5, LAYERS[1], LAYERS[2])
    assert picture.reader.wanted(picture.now) == [LAYERS[1]]
    picture.frame(LAYERS[1], LAYERS[2], key=True)
    picture.play(0.5, LAYERS[1], LAYERS[2])
    picture.frame(*LAYERS)
    assert picture.reader.wanted(picture.now) == [LAYERS[0]]
    picture.frame(*LAYERS, key=True)
    picture.play(0.5, *LAYERS)
    assert picture.widths == [320, 160, 320]
    steps = [b.timestamp - a.timestamp for a, b in pairwise(picture.frames)]
    assert all(step == pytest.approx(3_000, abs=1) for step in steps if step < RATE)
    [pause] = [step for step in steps if step >= RATE]
    assert pause == pytest.approx((SILENT_SECONDS + 0.5 + FRAME) * RATE, abs=2)


def test_a_layer_that_starves_is_as_one_that_does_not_come(picture: Picture) -> None:
    """A browser whose uplink has become narrow leaves its best layer a few pictures a second."""
    picture.play(1.0, *LAYERS)
    picture.reader.starved = {LAYERS[0]}
    picture.frame(*LAYERS)
    assert picture.reader.wanted(picture.now) == [LAYERS[1]]
    picture.frame(*LAYERS[1:], key=True)
    picture.play(0.5, *LAYERS)
    assert picture.widths == [320, 160]
    picture.frame(*LAYERS, key=True)  # also of the one that starves
    assert picture.widths == [320, 160, 160]
    assert picture.reader.wanted(picture.now) == []
    picture.reader.starved = frozenset()
    assert picture.reader.wanted(picture.now) == [LAYERS[0]]
    picture.frame(*LAYERS, key=True)
    assert picture.widths == [320, 160, 160, 320]


def test_a_layer_in_the_middle_may_be_missing(picture: Picture) -> None:
    picture.play(SILENT_SECONDS + 0.5, LAYERS[2])
    picture.frame(LAYERS[2], key=True)
    assert picture.widths == [320, 80]
    picture.frame(LAYERS[1], key=True)
    assert picture.widths == [320, 80, 160]


@pytest.mark.parametrize("publisher", [1, 2])
def test_layers_are_as_far_apart_as_their_reports_say(picture: Picture, publisher: int) -> None:
    """The poorer layer comes a quarter of a second later than the best: seen by reports of one clock only."""
    late = 0.25
    for layer in LAYERS:
        clock = 4_000.0 - (late if layer == LAYERS[1] else 0.0)
        picture.reader.report(layer, SourceReport(1, clock, 1_000_000 * layer, 0))
    picture.play(0.5, LAYERS[0])
    said = SourceReport(publisher, 4_000.0 - late, 1_000_000 * LAYERS[1], 0)
    picture.reader.report(LAYERS[1], said)
    picture.play(SILENT_SECONDS + 0.5, LAYERS[1])
    before = len(picture.frames)
    picture.frame(LAYERS[1], key=True)
    picture.frame(LAYERS[1])
    last, first, second = picture.frames[before - 1 :]
    arrived = (SILENT_SECONDS + 0.5 + FRAME) * RATE
    expected = arrived - (late * RATE if publisher == 1 else 0)
    assert first.timestamp - last.timestamp == pytest.approx(expected, abs=2)
    assert last.source != first.source == second.source
    assert first.wall is not None
    assert first.wall.publisher == publisher


def test_layers_of_which_one_has_no_report_are_as_far_apart_as_they_came(picture: Picture) -> None:
    picture.reader.report(LAYERS[0], SourceReport(1, 4_000.0, 0, 0))
    picture.play(0.5, LAYERS[0])
    picture.play(SILENT_SECONDS + 0.5, LAYERS[1])
    picture.frame(LAYERS[1], key=True)
    last, first = picture.frames[-2:]
    arrived = (SILENT_SECONDS + 0.5 + FRAME) * RATE
    assert first.timestamp - last.timestamp == pytest.approx(arrived, abs=2)


def test_the_best_layer_is_waited_for_no_longer_than_a_silence() -> None:
    picture = Picture()
    picture.play(SILENT_SECONDS / 2, LAYERS[1])
    picture.frame(LAYERS[1], key=True)
    assert picture.widths == []
    picture.play(SILENT_SECONDS / 2, LAYERS[1])
    picture.frame(LAYERS[1], key=True)
    assert picture.widths == [160]


def test_a_picture_that_stands_still_as_a_whole_stays_with_its_layer(picture: Picture) -> None:
    picture.now += 10 * SILENT_SECONDS
    picture.frame(*LAYERS)
    picture.frame(*LAYERS[1:], key=True)
    assert picture.widths == [320]


def test_before_anything_came_a_keyframe_of_the_best_is_wanted() -> None:
    picture = Picture()
    assert picture.reader.wanted(picture.now) == [LAYERS[0]]
    picture.frame(LAYERS[2], key=True)
    picture.play(SILENT_SECONDS / 2, LAYERS[2])
    assert picture.frames == []


def test_a_layer_that_was_taken_before_the_other_one_goes_on_behind_it(picture: Picture) -> None:
    """Its frames took so long: nothing that is written moves back."""
    for layer in LAYERS[:2]:
        late = 3.0 if layer == LAYERS[1] else 0.0
        picture.reader.report(layer, SourceReport(1, 4_000.0 - late, 1_000_000 * layer, 0))
    picture.play(0.5, LAYERS[0])
    picture.play(SILENT_SECONDS, LAYERS[1])
    picture.frame(LAYERS[1], key=True)
    assert picture.widths == [320, 160]
    assert picture.frames[-1].timestamp - picture.frames[-2].timestamp == 1
