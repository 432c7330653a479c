"""What a line carries, by how far apart the answers to the binding requests of a handshake come."""

import math

import pytest

from media.line.handshake_train import HandshakeTrain, Measured
from media.line.packet_train import NARROW, PACKETS, UDP_OCTETS
from tests.support.told_sender import ALONE, RUNGS, Shown

REQUEST = 104  # octets of a binding request


def answers(rate: float) -> list[float]:
    """When they come to requests of the time 5."""
    return [5.1 + n * (REQUEST + UDP_OCTETS) * 8 / rate for n in range(PACKETS)]


@pytest.mark.parametrize("rate", [NARROW / 2, 270_000.0, 2_000_000.0])
def test_requests_of_the_handshake_measure_a_line_before_anything_else_is_sent(rate: float) -> None:
    train = HandshakeTrain(REQUEST, 5.0)
    for number, at in enumerate(answers(rate)):
        assert train.measured(at) is None
        train.answered(number, at)
    assert train.measured(6.0) == Measured(pytest.approx(rate), pytest.approx(rate), 5.0)


def test_answers_that_come_together_tell_only_what_the_line_carries_at_most() -> None:
    train = HandshakeTrain(REQUEST, 5.0)
    for number in range(PACKETS):
        train.answered(number, 5.1)
    assert train.measured(5.2) == Measured(math.inf, 0.0, 5.0)


def test_of_requests_that_were_lost_the_others_tell() -> None:
    train = HandshakeTrain(REQUEST, 5.0)
    for number, at in enumerate(answers(270_000.0)[:4]):
        train.answered(number, at)
    assert train.measured(5.2) is None  # the others may come
    measured = train.measured(5.4)
    assert measured is not None
    assert measured.rate == pytest.approx(270_000.0)


def test_too_few_answers_and_those_to_other_requests_tell_nothing() -> None:
    train = HandshakeTrain(REQUEST, 5.0)
    for number in (0, 1, PACKETS - 1, PACKETS, 100):
        train.answered(number, 5.1 + number / 100)
    assert train.measured(5.9) is None


@pytest.mark.parametrize(("left", "waits"), [(-0.2, False), (0.0, True)])
def test_a_train_of_the_handshake_decides_and_is_no_reason_to_wait_for_others(
    left: float, waits: bool
) -> None:
    """Everybody answers its requests, and may tell of no other train."""
    viewer = Shown(can_train=True)
    viewer.choice.train_left(viewer.now)
    viewer.estimate.train_came(300_000.0, viewer.now, viewer.now + left)
    assert viewer.tick().rung == 2
    assert any(decision.probe for decision in viewer.run(5)) != waits


def test_the_first_exact_train_takes_the_place_of_that_of_the_handshake() -> None:
    """A browser that is busy with DTLS answers as if its line were far narrower, or stood still meanwhile."""
    viewer = Shown(can_train=True)
    viewer.choice.train_left(viewer.now)
    viewer.estimate.train_came(50_000.0, viewer.now, viewer.now - 0.2)
    viewer.decision = viewer.choice.step(RUNGS, 0, viewer.now)
    assert viewer.decision.rung == ALONE
    viewer.present = ALONE
    viewer.run(0.2)
    viewer.estimate.train_came(math.inf, viewer.now, viewer.now - 0.05, 200_000.0)  # that was read late
    assert viewer.estimate.carries == 50_000.0
    viewer.estimate.train_came(300_000.0, viewer.now, viewer.now - 0.05)
    assert viewer.tick().rung == 2
    viewer.estimate.train_came(400_000.0, viewer.now, viewer.now - 0.05)  # and no other one
    assert viewer.estimate.carries == 300_000.0
