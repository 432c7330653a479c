"""Which layers have too few pictures to be the better ones."""

import pytest

from media.rooms.starved_layers import ROUNDS_DOWN, ROUNDS_UP, StarvedLayers
from media.tracks.sent_track import SentTrack
from tests.support.far_end import rtp
from tests.support.runs import run_of


class Layers:
    """Three of them, the best first, at which somebody looks each second."""

    def __init__(self) -> None:
        self.sent = [SentTrack(ssrc) for ssrc in (1, 2, 3)]
        self.watch = StarvedLayers()
        self._seconds = 0
        self.second(15, 15, 15)

    def second(self, *pictures: int | None, packets: int = 3) -> None:
        """So many pictures of each layer; None: it does not come."""
        self._seconds += 1
        for layer, count in zip(self.sent, pictures, strict=True):
            for n in range((count or 0) * packets):
                index = layer.history.next_index
                timestamp = 90_000 * self._seconds + 3_000 * (n // packets)
                packet = rtp(index, b"\x10\x01", timestamp=timestamp)
                layer.keep(run_of(packet, ssrc=layer.ssrc, first=index), float(self._seconds))
        come = [layer for layer, count in zip(self.sent, pictures, strict=True) if count is not None]
        self.watch.look(come)

    def seconds(self, count: int, *pictures: int | None) -> None:
        for _ in range(count):
            self.second(*pictures)

    @property
    def starve(self) -> list[bool]:
        return [layer.starves for layer in self.sent]


@pytest.fixture
def layers() -> Layers:
    return Layers()


def test_layers_that_come_alike_do_not_starve(layers: Layers) -> None:
    for pictures in ((15, 15, 15), (14, 15, 16), (30, 30, 15), (8, 15, 15), (15, 30, 30)):
        layers.seconds(5, *pictures)
        assert layers.starve == [False, False, False]


def test_a_layer_with_few_pictures_starves_after_two_seconds_and_not_by_the_size_of_them(
    layers: Layers,
) -> None:
    for _ in range(ROUNDS_DOWN - 1):
        layers.second(4, 15, 15, packets=9)
        assert layers.starve == [False, False, False]
    layers.second(4, 15, 15, packets=9)
    assert layers.starve == [True, False, False]


def test_it_is_well_again_after_three_seconds_in_a_row(layers: Layers) -> None:
    layers.seconds(ROUNDS_DOWN, 3, 15, 15)
    for _ in range(4):
        layers.seconds(ROUNDS_UP - 1, 14, 15, 15)
        assert layers.starve == [True, False, False]
        layers.second(7, 15, 15)
        assert layers.starve == [True, False, False]
    layers.seconds(ROUNDS_UP, 12, 15, 15)
    for well in (False, True, False):
        layers.seconds((ROUNDS_UP if well else ROUNDS_DOWN) - 1, 15 if well else 3, 15, 15)
        assert layers.starve == [well, False, False]
        layers.second(15 if well else 3, 15, 15)
        assert layers.starve == [not well, False, False]


def test_one_bad_second_says_nothing(layers: Layers) -> None:
    for _ in range(4):
        layers.seconds(ROUNDS_DOWN - 1, 3, 15, 15)
        layers.second(15, 15, 15)
        assert layers.starve == [False, False, False]


def test_two_layers_may_starve_and_the_lowest_one_cannot(layers: Layers) -> None:
    layers.seconds(3, 3, 4, 15)
    assert layers.starve == [True, True, False]
    layers.seconds(4, 15, 15, 2)
    assert layers.starve == [False, False, False]


def test_a_screen_at_which_nothing_moves_changes_nothing(layers: Layers) -> None:
    layers.seconds(5, 1, 3, 3)
    assert layers.starve == [False, False, False]
    layers.seconds(3, 3, 15, 15)
    layers.seconds(5, 1, 2, 2)
    assert layers.starve == [True, False, False]


def test_the_only_layer_that_is_left_does_not_starve(layers: Layers) -> None:
    layers.seconds(3, 3, 15, 15)
    layers.second(3, None, None)
    assert layers.starve == [False, False, False]


def test_a_layer_without_a_picture_starves_at_once(layers: Layers) -> None:
    layers.second(0, 15, 15)
    assert layers.starve == [True, False, False]


def test_a_layer_that_starved_and_stopped_has_to_come_well_first(layers: Layers) -> None:
    layers.seconds(2, 3, 15, 15)
    layers.seconds(5, None, 15, 15)
    layers.seconds(ROUNDS_UP, 15, 15, 15)  # its first second is not whole
    assert layers.starve == [True, False, False]
    layers.second(15, 15, 15)
    assert layers.starve == [False, False, False]


def test_a_layer_that_comes_late_does_not_starve(layers: Layers) -> None:
    layers.seconds(5, None, 15, 15)
    layers.seconds(3, 15, 15, 15)
    assert layers.starve == [False, False, False]


def test_the_next_publisher_begins_anew(layers: Layers) -> None:
    layers.seconds(2, 3, 15, 15)
    layers.sent[0].publish("VP8", deaf=False)
    assert layers.starve == [False, False, False]
