"""Padding for one viewer: what is sent to learn what its line carries."""

from collections import Counter
from collections.abc import Sequence

import pytest

from media.feedback.padding_credit import PaddingCredit
from media.feedback.viewer_picture import STEP_SECONDS
from media.line.estimate import HEARD_SECONDS
from media.line.line_log import LineLog
from media.rtp.rtx import PADDING_BYTES
from tests.support.layers_world import PICTURE_RTX
from tests.support.shown_world import LARGE, THREE, ShownWorld, limited


@pytest.mark.parametrize(("rates", "line"), [(THREE, 400_000), (LARGE, 2_000)])
def test_a_probe_sends_what_was_decided(rates: Sequence[int], line: float) -> None:
    world, viewer = limited(rates, line, seconds=1.0)
    viewer.line = 4e6
    world.until(lambda: viewer.is_probed)
    since, decided = world.now, 0.0
    for _ in range(100):
        assert viewer.is_probed
        decided += viewer.picture._decision.probe
        world.run(STEP_SECONDS)
    assert viewer.rate(since) == pytest.approx(decided / 100, rel=0.05)
    padding = viewer.padding(since)
    assert padding
    for packet in padding:
        assert packet.ssrc == PICTURE_RTX
        assert packet.payload_type == 101
        assert packet.payload == bytes(PADDING_BYTES - 1) + bytes((PADDING_BYTES,))
    at_once = Counter(at for at, packet in viewer.got if packet.ssrc == PICTURE_RTX)
    assert max(at_once.values()) <= 10  # no burst
    assert viewer.far.stats.probes == 1
    numbers = [packet.sequence for packet in padding]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_each_probe_begins_without_a_debt(monkeypatch: pytest.MonkeyPatch) -> None:
    world, viewer = limited(THREE, 400_000, seconds=0.5)
    viewer.line, begun = 4e6, list[float]()
    monkeypatch.setattr(PaddingCredit, "begin", lambda _, octets, now: begun.append(now))
    world.until(lambda: viewer.is_probed)
    assert len(begun) == 1


def test_what_was_sent_is_counted_before_what_its_receiver_says_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = ShownWorld()
    viewer = world.watch(number=5)
    world.run(3.0)
    picture, done = viewer.picture, list[str]()
    first = picture._trains.number(100, world.now)
    for name in ("sent", "remb", "report", "round_trip", "lost"):
        monkeypatch.setattr(LineLog, name, lambda *_, name=name, **__: done.append(name))
    picture.remb(1_000_000, world.now)
    picture.report(1, 100, world.now - 1.0, 0.0, world.now)
    picture.measured(0.1, world.now)
    picture.arrived(first, [1.0, None] * 50, world.now)
    assert done == ["sent", "remb", "sent", "report", "sent", "round_trip", "sent", "lost"]
    picture._decision = picture._decision._replace(probe=8e6)
    for _ in range(3):
        world.now += STEP_SECONDS
        picture.step(world.now)
    padded_at, after = world.now, HEARD_SECONDS + 0.01
    done.clear()
    picture.remb(1_000_000, padded_at)  # it counts no numbered padding
    assert done == []
    picture.remb(1_000_000, padded_at + after)
    assert done == ["sent", "remb"]


def test_without_retransmissions_there_is_no_padding() -> None:
    world = ShownWorld()
    viewer = world.watch(rtx=False)
    world.run(3.0)
    viewer.line = 400_000
    world.until(lambda: viewer.picture.is_limited, 2.0)
    world.run(10.0)
    assert {packet.ssrc for _, packet in viewer.got if packet.payload_type == 101} == set()
    assert viewer.far.stats.probes == 0


def test_a_try_that_has_succeeded_is_over() -> None:
    """A viewer that cannot be probed gets more for a try. What its line does later is another matter."""
    world = ShownWorld()
    viewer = world.watch(rtx=False)
    world.run(3.0)
    viewer.line = 400_000
    world.until(lambda: viewer.rendition == 1)
    viewer.line = 4e6
    world.until(lambda: viewer.rendition == 0)
    world.run(20.0)
    assert viewer.rendition == 0
    viewer.picture.report(80, 100, world.now - 1.0, 0.0, world.now)
    world.run(0.3)
    assert viewer.rendition not in (0, 1)  # not what it was tried from, but what fits
