"""A receiver that falls silent while its line is probed is not padded for ever."""

from media.line.choice import VAIN_SECONDS, LayerChoice
from media.line.estimate import LineEstimate
from media.line.probe import LONGEST_SECONDS

RUNGS = [1_500_000.0, 500_000.0, 150_000.0, 60_000.0, 40_000.0]
TENTHS = round(10 * (LONGEST_SECONDS + VAIN_SECONDS[0] / 2))


def test_a_probe_without_a_word_ends_and_the_next_one_is_long_in_coming() -> None:
    estimate = LineEstimate(0.0)
    choice = LayerChoice(estimate, 0.0, can_probe=True, jitter=lambda: 0.5)
    octets, now, padded, rung = 0.0, 0.0, 0, 0
    for tenth in range(100 + TENTHS):
        now += 0.1
        if tenth < 50:  # then it says nothing any more
            estimate.remb(2_000_000 if tenth < 40 else 160_000, now)
        decision = choice.step(RUNGS, rung, now)
        rung = decision.rung
        octets += max(RUNGS[rung], decision.probe) / 80
        estimate.sent(round(octets), round(now * RUNGS[-1] / 8), now)
        padded += choice.is_probing
    assert rung > 0
    assert 10 < padded <= LONGEST_SECONDS * 10 + 1
