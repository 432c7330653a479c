"""What share of what was sent did not come: by the packets that a receiver requests again."""

import itertools
import math
import random

import pytest

from media.line.loss_run import (
    LEAST_PACKETS,
    MOST_AGAIN,
    MOST_SECONDS,
    MOST_SHARE,
    STARVES_TIMES,
    Loss,
    LossRun,
    certain,
    certain_of,
)

RATE = 80.0  # packets a second


def _sent(*indexes: int) -> list[tuple[int, float]]:
    return [(index, index / RATE) for index in indexes]


def _asked(
    run: LossRun, *indexes: int, queue: float = 0.0, overflows: bool = False, since: float = -math.inf
) -> Loss | None:
    """Ask for these, of which the last has waited for `queue` seconds."""
    packets = _sent(*indexes)
    return run.asked(0, packets, packets[-1][1] + queue, overflows=overflows, since=since)


def _gaps(share: float, packets: int) -> list[int]:
    """Of so many packets the share that is lost, evenly."""
    return [n for n in range(packets) if int((n + 1) * share) > int(n * share)]


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_it_tells_what_share_a_full_line_drops(share: float) -> None:
    loss = _asked(LossRun(), *_gaps(share, 60))
    assert loss is not None
    assert loss.share == pytest.approx(share, abs=0.06)
    assert loss.end - loss.begin <= MOST_SECONDS


def test_it_tells_again_when_more_is_lost_and_not_before() -> None:
    run, lost = LossRun(), _gaps(0.5, 200)
    told = [at for at in range(0, 100, 2) if _asked(run, *lost[at : at + 2]) is not None]
    assert len(told) > 3
    assert min(later - earlier for earlier, later in itertools.pairwise(told)) >= LEAST_PACKETS


def test_where_nothing_comes_through_a_little_is_assumed_to() -> None:
    loss = _asked(LossRun(), *range(40))
    assert loss is not None
    assert (loss.share, loss.begin, loss.end) == (MOST_SHARE, 0.0, 39 / RATE)
    assert loss.certain == pytest.approx(certain_of(range(40), 41))


def test_a_packet_that_is_requested_again_and_again_counts_once() -> None:
    run = LossRun()
    packets = _sent(*range(0, 5 * (LEAST_PACKETS - 1), 5))
    assert [run.asked(0, packets, packets[-1][1]) for _ in range(20)] == [None] * 20


@pytest.mark.parametrize(("lost_again", "share"), [(0, 24 / 66), (9, 33 / 66), (18, 42 / 66)])
def test_what_is_sent_again_counts_whether_it_comes_or_not(lost_again: int, share: float) -> None:
    """Of 48 packets half was lost, and 18 of those were sent again, of which so many were requested anew."""
    run, lost = LossRun(), range(0, 40, 2)
    run.asked(0, _sent(*lost), came_at=0.5)
    for index in lost:
        run.resent(index, index / RATE)
    anew = lost[-lost_again:] if lost_again else []
    run.asked(0, _sent(*anew), came_at=0.0)  # they may be on their way
    loss = run.asked(0, _sent(*anew, *range(40, 52, 2)), came_at=0.6)
    assert loss is not None
    assert loss.share == pytest.approx(share)
    assert loss.certain <= loss.share


def test_that_nothing_comes_of_one_packet_is_told_once_and_may_be_chance() -> None:
    run, told = LossRun(), []
    for turn in range(6):
        told.append(run.asked(0, _sent(7), came_at=float(turn)))
        told.append(run.asked(0, _sent(7), came_at=float(turn)))  # it is not sent again between
        run.resent(7, turn + 0.5)
    starves = Loss(MOST_SHARE, 0.0, 3.0, 3.0)
    assert [loss for loss in told if loss is not None] == [starves]
    assert told[2 * STARVES_TIMES] == starves


def test_what_was_sent_again_waits_in_the_queue_as_others_do() -> None:
    run = LossRun()
    for turn in range(2 * STARVES_TIMES):
        assert run.asked(0, _sent(7), came_at=float(turn), queue=0.6) is None
        run.resent(7, turn + 0.5)
    assert not run._again._lost


def test_of_another_track_nothing_was_sent_again() -> None:
    run, lost = LossRun(), range(0, 40, 2)
    run.asked(1, _sent(0), came_at=0.0)
    for index in lost:
        run.resent(index, index / RATE)
    loss = run.asked(0, _sent(*lost), came_at=1.0)
    assert loss is not None
    assert loss.share == pytest.approx(0.5)


def test_what_was_sent_again_long_ago_is_forgotten() -> None:
    run = LossRun()
    for index in range(5 * MOST_AGAIN):
        run.resent(index, index / RATE)
    run.asked(0, _sent(0), came_at=0.0)
    for index in range(5 * MOST_AGAIN):
        run.resent(index, 0.0)
        run.asked(0, _sent(index), came_at=1.0)
    again = run._again
    assert max(map(len, (again._left, again._sent, again._lost, again._times))) == MOST_AGAIN


def test_a_short_burst_is_no_full_line() -> None:
    assert _asked(LossRun(), *range(12)) is None  # 0.14 s


def test_behind_a_queue_a_short_one_is() -> None:
    every_other = range(0, 16, 2)
    assert _asked(LossRun(), *every_other) is None
    assert _asked(LossRun(), *every_other, queue=0.2) is not None


def test_what_a_queue_of_ours_drops_in_a_row_is_no_chance() -> None:
    in_rows = [n for n in range(25) if n % 10 < 5]
    assert _asked(LossRun(), *in_rows, overflows=True) is None
    assert _asked(LossRun(), *in_rows, queue=0.2) is None
    loss = _asked(LossRun(), *in_rows, queue=0.2, overflows=True)
    assert loss is not None
    assert loss.certain == certain(15, 26)


def test_one_packet_in_twenty_is_chance() -> None:
    run = LossRun()
    assert [_asked(run, 20 * n) for n in range(1000)] == [None] * 1000


@pytest.mark.parametrize(("share", "most_in_a_row"), [(0.05, 1), (0.10, 1), (0.03, 4)])
def test_what_is_lost_by_chance_is_no_full_line(share: float, most_in_a_row: int) -> None:
    run, chance, told, n = LossRun(), random.Random(1), 0, 0
    while n < 60 * RATE:
        is_lost = chance.random() < share / ((1 + most_in_a_row) / 2)
        row = chance.randint(1, most_in_a_row) if is_lost else 0
        if row:
            told += _asked(run, *range(n, n + row)) is not None
        n += row + 1
    assert told <= 1  # a minute; more than three of such losses were a sign by their share alone


@pytest.mark.parametrize("seed", range(4))
def test_what_a_line_drops_of_far_too_much_is_certain(seed: int) -> None:
    chance, run = random.Random(seed), LossRun()
    lost = [n for n in range(round(RATE)) if chance.random() < 0.4]
    assert any(_asked(run, n) for n in lost)


def test_those_in_a_row_are_lost_at_once_and_tell_less() -> None:
    apart, in_rows = range(0, 60, 5), [n for n in range(60) if n % 20 < 4]
    assert len(in_rows) == len(apart)
    assert certain_of(apart, 60) == certain(12, 60) == pytest.approx((12 - 2 * 12**0.5) / 60)
    assert certain_of(in_rows, 60) == 0.0
    assert certain_of(range(4), 4) == certain_of([], 9) == certain(0, 0) == 0.0
    assert certain(100, 3) == 1.0  # whatever a receiver counts
    assert certain_of(range(40), 41) == pytest.approx((40 - 2 * 160**0.5) / 41)


def test_of_what_was_lost_before_less_was_sent_nothing_counts() -> None:
    """A run of what was sent since then is as soon and as long as without anything before it."""
    run, alone, less_since = LossRun(), LossRun(), 40 / RATE
    assert _asked(run, *range(40), queue=0.3) is not None
    told = [_asked(run, at, queue=0.3, since=less_since) for at in range(30, 100, 2)]
    assert told[5:] == [_asked(alone, at, queue=0.3) for at in range(40, 100, 2)]
    assert any(told)
    assert not any(told[:5])


def test_what_it_holds_is_bounded() -> None:
    run = LossRun()
    for n in range(5000):
        _asked(run, n)
    assert len(run._lost) <= MOST_SECONDS * RATE + 1


def test_another_track_has_packets_of_its_own() -> None:
    run = LossRun()
    assert run.asked(0, _sent(*range(0, 20, 4)), 1.0) is None
    assert run.asked(1, _sent(*range(2, 22, 4)), 1.0) is None
