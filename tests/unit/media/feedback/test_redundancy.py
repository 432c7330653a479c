"""How many earlier packets of the sound a viewer gets: by what it loses."""

import random
from collections.abc import Sequence

import pytest

from media.feedback.loss_window import LossWindow
from media.feedback.redundancy import CLEAN_SECONDS, NARROW_SECONDS, Redundancy
from media.rtp.rtcp import ReportBlock

SOUND, PICTURE = 1, 2


class Line:
    """A viewer whose line loses a share of its packets, by chance and by a seed; it reports each second."""

    def __init__(self, packets: int = 50, ssrc: int = SOUND) -> None:
        self.redundancy = Redundancy()
        self._window = LossWindow()
        self.packets, self.ssrc = packets, ssrc
        self.highest = self.lost = 0
        self.now = 100.0
        self._random = random.Random(3)

    def second(self, loss: float, *, is_narrow: bool = False) -> int:
        self.highest += self.packets
        self.lost += sum(self._random.random() < loss for _ in range(self.packets))
        self.now += 1.0
        return self.report(self.highest, self.lost, is_narrow=is_narrow)

    def report(self, highest: int, lost: int, *, is_narrow: bool = False) -> int:
        block = ReportBlock(self.ssrc, 0, lost, highest, 0, 0, 0)
        self.redundancy.report(self._window.take([block], self.now), self.now)
        return self.redundancy.decide(self.now, is_narrow=is_narrow)

    def seconds(self, count: int, loss: float, *, is_narrow: bool = False) -> list[int]:
        return [self.second(loss, is_narrow=is_narrow) for _ in range(count)]


def test_a_clean_line_gets_none() -> None:
    line = Line()
    assert line.redundancy.share(SOUND) == 0.0
    for second in range(60):
        line.lost -= second % 3 == 0  # what comes twice counts back
        assert (line.second(0.0), line.redundancy.share(SOUND)) == (0, 0.0)


def test_two_lost_in_one_second_are_no_chance() -> None:
    for lost, is_lossy in ((1, False), (2, True)):
        line = Line()
        line.second(0.0)
        line.lost += lost
        line.second(0.0)
        assert line.redundancy.is_lossy(line.now) == is_lossy
        assert line.redundancy.is_lossy(line.now + CLEAN_SECONDS - 0.5) == is_lossy
        assert not line.redundancy.is_lossy(line.now + CLEAN_SECONDS)
        assert line.redundancy.count == 0  # but one in a hundred is not certain yet


def test_a_line_that_loses_one_in_fifty_gets_one() -> None:
    assert Line().seconds(30, 0.02)[-1] == 1


def test_one_that_loses_one_in_ten_gets_two_within_seconds() -> None:
    assert Line().seconds(6, 0.10)[-1] == 2


def test_the_losses_of_a_picture_tell_it_sooner() -> None:
    assert Line(packets=300, ssrc=PICTURE).seconds(3, 0.05)[-1] == 1


def test_when_the_line_has_been_clean_for_a_while_it_ends() -> None:
    line = Line()
    line.seconds(20, 0.05)
    after = line.seconds(30, 0.0)
    assert after[: int(CLEAN_SECONDS) - 3][-1] > 0
    assert set(after[int(CLEAN_SECONDS) + 1 :]) == {0}


def test_it_does_not_come_and_go_while_packets_are_lost() -> None:
    counts = Line().seconds(120, 0.05)
    assert 0 not in counts[counts.index(next(filter(None, counts))) :]


def test_on_a_narrow_line_it_gives_way() -> None:
    line = Line()
    assert line.seconds(10, 0.10)[-1] > 0
    assert set(line.seconds(3, 0.10, is_narrow=True)) == {0}
    after = line.seconds(20, 0.10)
    assert set(after[: int(NARROW_SECONDS) - 1]) == {0}
    assert 0 not in after[int(NARROW_SECONDS) - 1 :]


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (range(6), 2),
        (range(5), 1),
        ((0, 1, 10, 20, 21, 30), 2),
        ((0, 1, 10, 20, 30, 40), 1),
        ((0, 1, 2, 3, *range(10, 70, 10)), 1),  # just three in ten
        ((0, 1, 2, 3, 4, 4), 1),  # the same again
        ((0, 1, 2, 3, 4, 0x8003), 2),
        ((0, 1, 2, 3, 4, 0x8004), 1),  # by half the range: an older one
    ],
)
def test_a_burst_is_six_packets_of_which_a_third_followed_another(asked: Sequence[int], count: int) -> None:
    line = Line()
    assert line.seconds(20, 0.03)[-1] == 1
    line.redundancy.asked(SOUND, asked, line.now + 1.0)
    assert line.second(0.03) == count


def test_a_packet_that_is_asked_for_again_and_again_is_one() -> None:
    line = Line()
    for _ in range(10):
        line.redundancy.asked(SOUND, [0xFFFF, 0], line.now)
        line.second(0.03)
    assert line.redundancy.count == 1


def test_numbers_that_cannot_be_are_nothing() -> None:
    line = Line()
    line.seconds(3, 0.0)
    for highest, lost in ((0xFFFFFFFF, 0x7FFFFF), (0, -0x800000), (0xFFFFFFFF, 0x7FFFFF)):
        line.now += 1.0
        assert line.report(highest, lost) == 0
    assert line.seconds(6, 0.10)[-1] == 2  # what comes then counts as ever
