"""When a viewer is probed, how far, and what a probe that fails leaves: `Allocation` in PROBING."""

import math
from itertools import pairwise

import pytest

from media.line.estimate import FITS_SHARE
from media.line.loss_run import MOST_SHARE, Loss
from tests.support.told_sender import ALONE, RUNGS, Shown, limited


def probing() -> Shown:
    viewer = limited(0.5)
    viewer.until("PROBING")
    return viewer


def test_a_probe_ends_when_the_line_is_full_and_what_was_known_to_fit_still_does() -> None:
    viewer = probing()
    viewer.run(0.5)
    viewer.lose(0.5)
    assert viewer.tick()[:3] == (1, False, 0.0)
    assert viewer.phase == "STEADY"


def lose_of_a_probe(viewer: Shown, teller: str, lost: int) -> None:
    """Of 20 packets, which may be chance."""
    if teller == "padding":
        viewer.estimate.lost(Loss(lost / 20, 0.0, viewer.now - 0.1, viewer.now), viewer.now)
    else:
        viewer.report(lost, 20)


@pytest.mark.parametrize("teller", ["padding", "a report"])
def test_a_probe_ends_when_much_is_lost_though_it_may_be_chance_and_the_next_waits_longer(
    teller: str,
) -> None:
    viewer, waits = probing(), []
    for _ in range(3):
        viewer.report(0, 100)
        viewer.run(0.3)
        lose_of_a_probe(viewer, teller, 3)
        viewer.tick()
        assert viewer.phase == "STEADY"
        ended = viewer.now
        viewer.until("PROBING")
        waits.append(viewer.now - ended)
    assert waits == pytest.approx([4.0, 8.0, 16.0], abs=0.2)


@pytest.mark.parametrize("teller", ["padding", "a report"])
def test_a_probe_goes_on_though_a_little_is_lost(teller: str) -> None:
    viewer = probing()
    viewer.report(0, 100)
    viewer.run(0.3)
    lose_of_a_probe(viewer, teller, 1)
    viewer.tick()
    assert viewer.phase == "PROBING"


def test_a_probe_ends_when_one_packet_is_lost_again_and_again() -> None:
    viewer = probing()
    viewer.run(0.3)
    viewer.estimate.lost(Loss(MOST_SHARE, 0.0, viewer.now, viewer.now), viewer.now)  # as `LossRun` tells it
    carries = viewer.estimate.carries
    viewer.tick()
    assert (viewer.phase, viewer.decision.rung, viewer.estimate.carries) == ("STEADY", 1, carries)


def test_what_a_probe_lost_and_is_told_after_its_end_is_no_sign() -> None:
    viewer = probing()
    viewer.run(0.5)
    viewer.lose(0.5)
    viewer.tick()
    carries, signs = viewer.estimate.carries, viewer.estimate.signs
    viewer.lose(0.6, seconds=0.2)
    viewer.tick()
    assert (viewer.estimate.carries, viewer.estimate.signs) == (carries, signs)
    viewer.run(1.0)
    viewer.lose(0.6, seconds=0.2)
    assert viewer.estimate.signs == signs + 1  # what is lost of later packets is one


def test_what_a_line_loses_without_a_probe_ends_none() -> None:
    viewer = limited(0.5)
    for _ in range(3):
        viewer.run(1.0)
        viewer.report(10, 100)
    viewer.until("PROBING")
    viewer.run(0.3)
    for lost, phase in ((3, "PROBING"), (5, "STEADY")):  # of 20
        viewer.estimate.lost(Loss(lost / 20, 0.0, viewer.now - 0.1, viewer.now), viewer.now)
        viewer.tick()
        assert viewer.phase == phase


def probed_up_to(viewer: Shown) -> float:
    """The most that the next probe sends, which nothing ends."""
    viewer.until("PROBING")
    levels = [viewer.decision.probe]
    while viewer.phase == "PROBING":
        levels.append(viewer.tick().probe)
    return max(levels)


def test_where_packets_are_lost_without_a_queue_a_probe_is_for_the_next_better_rung() -> None:
    """A policer lets trains pass, and each probe that goes too far breaks the picture."""
    viewer = limited(0.9, can_train=True)
    viewer.train = math.inf
    assert probed_up_to(viewer) == RUNGS[1] / FITS_SHARE
    assert (viewer.phase, viewer.decision.rung) == ("TRYING", 1)


def test_a_probe_after_one_that_failed_is_for_the_next_better_rung() -> None:
    viewer = limited(0.9, can_train=True)
    viewer.estimate.queued_at = viewer.now  # it has a queue, too
    viewer.train = math.inf
    viewer.until("PROBING")
    while viewer.tick().probe <= RUNGS[1] / FITS_SHARE:
        assert viewer.phase == "PROBING"
    viewer.estimate.lost(Loss(0.2, 0.0, viewer.now - 0.1, viewer.now), viewer.now)
    viewer.until("STEADY", 0.2)
    assert probed_up_to(viewer) == RUNGS[1] / FITS_SHARE
    assert (viewer.phase, viewer.decision.rung) == ("TRYING", 1)


def test_on_a_line_that_has_lost_packets_without_a_queue_a_probe_waits_for_a_report() -> None:
    viewer = Shown(can_train=True)
    viewer.run(4)
    viewer.measure(RUNGS[0], 0.03, 0.03)
    viewer.lose(0.5)
    viewer.train = math.inf
    viewer.until("PROBING")
    viewer.run(4.0)
    assert (viewer.phase, viewer.decision.probe) == ("PROBING", RUNGS[0] / FITS_SHARE)
    viewer.report(0, 100)
    viewer.tick()
    assert (viewer.phase, viewer.decision.rung) == ("TRYING", 0)


def test_the_more_probes_lost_packets_the_longer_until_the_next() -> None:
    viewer, failed = probing(), []
    for _ in range(4):
        viewer.run(0.3)
        viewer.lose(0.5)
        viewer.tick()
        failed.append(viewer.now)
        viewer.until("PROBING")
    failed.append(viewer.now)
    waits = [later - earlier for earlier, later in pairwise(failed)]
    assert waits == sorted(waits)
    assert waits[-1] > 3 * waits[0]


@pytest.mark.parametrize(
    ("share", "most"), [(0.5, 10.0), (0.99, 5.0)]
)  # without a picture there is more to gain
def test_a_probe_that_has_only_filled_a_queue_comes_again_soon(share: float, most: float) -> None:
    viewer = limited(share)
    viewer.until("PROBING")
    for _ in range(6):
        viewer.round_trip = 0.4
        viewer.until("STEADY")
        viewer.round_trip = 0.03
        ended = viewer.now
        viewer.until("PROBING")
        assert viewer.now - ended <= most


def test_it_rises_to_what_the_rung_needs_with_its_peaks_and_then_that_is_tried() -> None:
    viewer = probing()
    levels = []
    while viewer.phase == "PROBING":
        levels.append(viewer.decision.probe)
        viewer.tick()
    assert levels == sorted(levels)
    assert all(later <= earlier * 1.2 for earlier, later in pairwise(levels))
    assert RUNGS[0] < max(levels) <= RUNGS[0] * 1.2
    assert levels.count(max(levels)) >= 5
    assert (viewer.phase, viewer.decision.rung) == ("TRYING", 0)


def test_one_without_an_answer_ends_and_nothing_is_taken_for_it() -> None:
    viewer = probing()
    viewer.run(0.5)
    viewer.round_trip = None
    viewer.until("STEADY", 9.0)
    assert (viewer.decision.rung, viewer.decision.probe) == (1, 0.0)


def test_one_for_a_rung_whose_need_changes_a_little_does_not_begin_anew() -> None:
    viewer = probing()
    for n in range(40):
        viewer.rungs[0] = RUNGS[0] * (1 + n % 5 / 100)
        viewer.tick()
    assert viewer.decision.rung == 0


def test_a_pause_of_the_machine_is_not_made_up_for() -> None:
    viewer = probing()
    level = viewer.decision.probe
    viewer.now += 5.0
    assert viewer.tick().probe <= level * 1.4


def test_one_for_what_the_viewer_does_not_want_any_more_ends() -> None:
    for wanted in (0, 1):
        viewer = probing()
        viewer.rungs = [math.inf] * 4 + [40_000.0] if not wanted else [math.inf, *RUNGS[1:]]
        decision = viewer.tick()
        assert (decision.rung, decision.probe) == (1 if wanted else ALONE, 0.0)
        assert viewer.phase == "STEADY"
