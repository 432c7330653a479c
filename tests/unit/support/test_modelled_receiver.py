"""The model of a browser's estimate does what Chromium's was seen to do."""

from itertools import pairwise

import pytest

from tests.support.modelled_line import STEP, ModelledLine, Packet
from tests.support.modelled_receiver import ModelledEstimate

PACKET = 1000
NARROWED = 10.0


def _told(jitter: float, seconds: float, seed: int) -> list[tuple[float, float]]:
    """When a receiver tells what of 800 kbit/s, then 300, on a line of 500 kbit/s from `NARROWED` on."""
    line = ModelledLine(lambda now: 20e6 if now < NARROWED else 500e3, jitter=jitter, seed=seed)
    estimate, due, told = ModelledEstimate(), 0.0, []
    for n in range(round(seconds / STEP)):
        now = n * STEP
        while due <= now:
            line.send(Packet(0, "picture", PACKET, now))
            due += PACKET * 8 / (800e3 if now < NARROWED + 1 else 300e3)
        for packet in line.arrivals(now + STEP):
            rate = estimate.take(packet.sent_at, packet.arrived_at, packet.size)
            if rate is not None:
                told.append((packet.arrived_at, rate))
    return told


@pytest.mark.parametrize("seed", range(1, 5))
def test_it_falls_a_moment_after_the_line_is_full_and_then_holds_flat(seed: int) -> None:
    told = _told(0.004, 25, seed)
    falls = [at for (_, former), (at, rate) in pairwise(told) if rate < 0.97 * former]
    first = next(at for at in falls if at > NARROWED)
    assert 0.1 < first - NARROWED < 0.8
    later = [rate for at, rate in told if at > falls[-1]]
    assert later[0] < 500e3
    flat = [rate for at, rate in told if falls[-1] <= at <= falls[-1] + 3]
    assert max(flat) < 1.1 * min(flat)
