"""What a receiver's reports say of a line: of losses, of round trips, and by a REMB."""

import math

import pytest

from tests.support.told_sender import SOUND, Sender


def test_a_report_of_far_more_than_chance_is_a_sign(sender: Sender) -> None:
    sender.report(20, 100)
    assert sender.estimate.carries == pytest.approx(0.95 * 800_000, rel=0.02)


def test_reports_of_little_loss_are_a_sign_when_they_add_up(sender: Sender) -> None:
    signs = []
    for _ in range(4):
        sender.report(13, 80)
        signs.append(sender.estimate.signs)
        sender.send(1_000_000, 1)
    assert signs[0] == 0
    assert signs[-1] > 0


def test_behind_a_queue_of_others_reports_of_losses_are_a_sign(sender: Sender) -> None:
    """The line is full, and what is lost is ours, too: the queue says no more of that."""
    sender.measure(1_000_000, 0.03)
    for _ in range(8):
        sender.estimate.train_came(1_400_000, sender.now)
        sender.measure(1_000_000, *[0.3] * 9)
    assert sender.estimate.is_shared
    signs = sender.estimate.signs
    for _ in range(5):
        sender.measure(1_000_000, *[0.3] * 10)
        sender.report(16, 80)
    assert sender.estimate.signs > signs


def test_a_fall_of_remb_says_what_came(sender: Sender) -> None:
    sender.estimate.remb(1_200_000, sender.now)
    sender.send(1_000_000, 1)
    sender.estimate.remb(round(0.85 * 400_000), sender.now)
    assert sender.estimate.carries == pytest.approx(400_000 + SOUND, rel=0.02)


@pytest.mark.parametrize(
    ("rate", "before", "after"),
    [
        (1_000_000, 400_000, 2**60),  # it grows
        (1_000_000, 900_000, 340_000),  # it follows what comes
        (SOUND + 20_000, 1_200_000, 9_000),  # a receiver cannot tell from a trickle
        (1_000_000, 1_200_000, 1_180_000),  # it fell by chance
    ],
)
def test_no_other_remb_is_a_sign(rate: float, before: int, after: int) -> None:
    sender = Sender()
    sender.send(rate, 4)
    sender.estimate.remb(before, sender.now)
    sender.send(rate, 1)
    sender.estimate.remb(after, sender.now)
    assert sender.estimate.signs == 0


@pytest.mark.parametrize(
    ("rate", "least", "signs"),
    [
        (3e6, 3e6, 0),
        (math.inf, 3e6, 0),  # it was read late
        (math.inf, 0.0, 1),  # all of it was read at once: it says nothing
    ],
)
def test_a_train_says_more_than_a_remb(sender: Sender, rate: float, least: float, signs: int) -> None:
    sender.estimate.remb(1_200_000, sender.now)
    sender.estimate.train_came(rate, sender.now, least=least)
    sender.send(1_000_000, 1)
    sender.estimate.remb(300_000, sender.now)
    assert sender.estimate.signs == signs
