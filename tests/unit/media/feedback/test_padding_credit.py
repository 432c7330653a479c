"""Padding that fills up what a viewer gets to so many bits a second."""

import pytest

from media.feedback.padding_credit import PaddingCredit
from media.rtp.rtx import PADDING_BYTES

RATE = 400_000.0  # bit/s
STEP = 0.010


class Sender:
    """Sends sound and pictures at these rates (octets a second), and what padding is due."""

    def __init__(self) -> None:
        self.now = 0.0
        self.octets = self.sound = 0
        self.padding: list[float] = []
        self.credit = PaddingCredit(0.0)

    def run(self, seconds: float, *, sound: int = 5_000, picture: int = 0, bitrate: float = RATE) -> float:
        """Returns the octets a second that were sent in all."""
        before = self.octets
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            self.sound += round(sound * STEP)
            self.octets += round((sound + picture) * STEP)
            due = self.credit.due(bitrate, self.octets, self.sound, self.now)
            self.padding.append(due)
            self.octets += int(due // PADDING_BYTES) * PADDING_BYTES or int(due)
        return (self.octets - before) / seconds


@pytest.mark.parametrize("picture", [0, 20_000, 40_000])
def test_it_fills_up_what_is_missing(picture: int) -> None:
    assert Sender().run(5.0, picture=picture) == pytest.approx(RATE / 8, rel=0.02)


def test_nothing_is_due_where_enough_is_sent_or_no_padding_is_wanted() -> None:
    sender = Sender()
    sender.run(5.0, picture=60_000)
    sender.run(5.0, picture=0, bitrate=0.0)
    assert set(sender.padding) == {0.0}


def test_a_keyframe_stops_the_padding_for_a_quarter_of_a_second_at_most() -> None:
    sender = Sender()
    sender.run(1.0)
    sender.run(STEP, picture=10_000_000)
    sender.padding.clear()
    sender.run(0.3)
    assert sender.padding[20] == 0.0
    assert any(sender.padding)


def test_a_late_step_is_not_made_up_for() -> None:
    sender = Sender()
    sender.run(1.0)
    sender.now += 30.0
    sender.padding.clear()
    sender.run(STEP)
    assert sender.padding[0] < 0.05 * RATE / 8 + 2 * PADDING_BYTES


def test_what_was_sent_before_it_begins_is_no_debt() -> None:
    sender = Sender()
    sender.octets = 1_000_000
    sender.now = 10.0
    sender.credit.begin(sender.octets, sender.now)
    assert sender.run(2.0) == pytest.approx(RATE / 8, rel=0.02)


def test_what_is_due_is_what_time_has_paid_less_what_was_sent() -> None:
    rate = 8.0 * PADDING_BYTES  # a packet each second
    credit = PaddingCredit(0.0)
    credit.begin(1000, 10.0)
    assert credit.due(rate, 1000, 1000, 10.25) == 64  # a trickle meanwhile
    assert credit.due(rate, 1000, 1000, 11.0) == PADDING_BYTES
    assert credit.due(rate, 1000, 1000, 99.0) == 1.05 * PADDING_BYTES  # no more than 50 ms beside a packet
    assert credit.due(rate, 9999, 9999, 99.125) == 64  # a debt of 0.25 s at most
    assert credit.due(rate, 9999, 9999, 100.25) == 64
    assert credit.due(rate, 9999, 9999, 100.375) == PADDING_BYTES


def test_the_trickle_comes_half_a_second_after_the_last_picture() -> None:
    credit = PaddingCredit(10.0)
    seen = [(10.25, 0), (10.5, 0), (10.75, 40), (11.125, 40), (11.25, 40)]
    assert [credit.due(8.0, 40 + pictures, 40, at) for at, pictures in seen] == [0, 64, 0, 0, 64]


def test_a_receiver_without_pictures_gets_a_packet_each_half_second() -> None:
    sender = Sender()
    sender.run(5.0, bitrate=40_000.0)  # which the sound needs
    assert [due for due in sender.padding if due] == [64] * len([due for due in sender.padding if due])
    assert 8 <= sum(map(bool, sender.padding)) <= 10
